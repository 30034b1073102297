export type { Bridge, BridgeCloseOptions, BridgeOptions, PassageState } from './bridge.js';
export { BridgeError, type BridgeErrorCode } from './foundation/errors.js';
export type {
  BridgeCloseInfo,
  BridgeEvent,
  BridgeEvents,
  BridgeGap,
  BridgeListener,
  BridgeRefusal,
  BridgeTrouble,
  GapReason,
  Passage,
  RefusalReason,
} from './foundation/events.js';
export { checkBridge, openBridge } from './open-bridge.js';
export type {
  ExportRoute,
  ImportedChannelOptions,
  ImportRoute,
  Route,
  ServiceExportRoute,
  ServiceImportRoute,
} from './route.js';
