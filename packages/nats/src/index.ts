export {
  type Bridge,
  type BridgeCloseOptions,
  type BridgeOptions,
  checkBridge,
  openBridge,
  type PassageState,
} from './bridge.js';
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
export type {
  ExportRoute,
  ImportedChannelOptions,
  ImportRoute,
  Route,
  ServiceExportRoute,
  ServiceImportRoute,
} from './route.js';
