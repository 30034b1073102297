import type { TypeObject } from 'koffi';
import { MmfError, type MmfErrorCode } from '../../errors.js';
import { koffi } from '../koffi.js';
import { atThreadEnd } from '../thread-end.js';

/**
 * A handle of the kernel, or of a registered wait. Only 32 bits of a kernel handle count and user addresses have 47, so
 * a Number holds either; unlike a koffi pointer it can also be compared with, and passed as, INVALID_HANDLE_VALUE.
 */
export type Handle = number;
/** An address, as koffi gives pointers. */
export type Address = bigint;

/** What `CreateMutexExW` gives no handle with, and other calls take as "none". */
export const NO_HANDLE = 0;
export const INVALID_HANDLE_VALUE = -1;

export const PAGE_READONLY = 2;
export const PAGE_READWRITE = 4;
/** With PAGE_READWRITE, for {@link Kernel32.CreateFileMappingW}. */
export const SEC_COMMIT_LARGE_PAGES = 0x88000000;
export const GENERIC_READ = 0x80000000;
export const GENERIC_WRITE = 0x40000000;
export const FILE_SHARE_ALL = 7;
export const OPEN_EXISTING = 3;
export const OPEN_ALWAYS = 4;
const MEM_COMMIT = 0x1000;
export const FILE_MAP_WRITE = 2;
export const FILE_MAP_READ = 4;
export const SYNCHRONIZE = 0x100000;
export const MUTEX_MODIFY_STATE = 1;
export const EVENT_MODIFY_STATE = 2;
export const PROCESS_QUERY_LIMITED_INFORMATION = 0x1000;
export const THREAD_QUERY_LIMITED_INFORMATION = 0x800;
export const WAIT_OBJECT_0 = 0;
export const WAIT_ABANDONED = 0x80;
export const WAIT_TIMEOUT = 0x102;

export const ERROR_FILE_NOT_FOUND = 2;
export const ERROR_ACCESS_DENIED = 5;
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_ALREADY_EXISTS = 183;

/** What is known of a range of pages: the part of MEMORY_BASIC_INFORMATION that is used here. */
interface MemoryInformation {
  RegionSize: number;
  State: number;
}

/** What is known of this machine: the part of SYSTEM_INFO that is used here. */
interface SystemInformation {
  dwPageSize: number;
}

/** The functions of kernel32.dll that are used, under their own names. An out parameter is an array of one. */
interface Kernel32 {
  /** Functions that {@link atThreadEnd} can call. */
  readonly addresses: Record<'CloseHandle' | 'UnmapViewOfFile' | 'UnregisterWait', Address>;
  GetLastError(): number;
  SetLastError(code: number): void;
  FormatMessageW(
    flags: number,
    source: null,
    code: number,
    language: number,
    text: Uint16Array,
    length: number,
    inserts: null,
  ): number;
  GetSystemInfo(information: [Partial<SystemInformation>]): void;
  CloseHandle(handle: Handle): number;
  CreateFileMappingW(
    file: Handle,
    attributes: null,
    protection: number,
    sizeHigh: number,
    sizeLow: number,
    name: string | null,
  ): Handle;
  OpenFileMappingW(access: number, inherit: number, name: string): Handle;
  MapViewOfFile(
    mapping: Handle,
    access: number,
    offsetHigh: number,
    offsetLow: number,
    length: number,
  ): Address | null;
  UnmapViewOfFile(address: Address): number;
  FlushViewOfFile(address: Address, length: number): number;
  FlushFileBuffers(file: Handle): number;
  CreateFileW(
    path: string,
    access: number,
    share: number,
    attributes: null,
    disposition: number,
    flags: number,
    template: Handle,
  ): Handle;
  DeleteFileW(path: string): number;
  GetFileSizeEx(file: Handle, size: BigUint64Array): number;
  GetLargePageMinimum(): number;
  VirtualQuery(address: Address, information: [Partial<MemoryInformation>], length: number): number;
  CreateMutexExW(attributes: null, name: string, flags: number, access: number): Handle;
  ReleaseMutex(mutex: Handle): number;
  CreateEventW(attributes: null, manualReset: number, signalled: number, name: string): Handle;
  OpenEventW(access: number, inherit: number, name: string): Handle;
  SetEvent(event: Handle): number;
  WaitForSingleObject(handle: Handle, milliseconds: number): number;
  RegisterWaitForSingleObject(
    wait: [Handle],
    object: Handle,
    callback: Address,
    context: Address,
    milliseconds: number,
    flags: number,
  ): number;
  UnregisterWaitEx(wait: Handle, completion: Handle): number;
  OpenProcess(access: number, inherit: number, pid: number): Handle;
  GetCurrentProcess(): Handle;
  SwitchToThread(): number;
  GetProcessTimes(
    process: Handle,
    creation: BigUint64Array,
    exit: BigUint64Array,
    kernel: BigUint64Array,
    user: BigUint64Array,
  ): number;
  OpenThread(access: number, inherit: number, threadId: number): Handle;
  GetCurrentThread(): Handle;
  GetCurrentThreadId(): number;
  GetProcessIdOfThread(thread: Handle): number;
  GetThreadTimes(
    thread: Handle,
    creation: BigUint64Array,
    exit: BigUint64Array,
    kernel: BigUint64Array,
    user: BigUint64Array,
  ): number;
  CreateNamedPipeW(
    name: string,
    openMode: number,
    pipeMode: number,
    instances: number,
    outSize: number,
    inSize: number,
    timeout: number,
    attributes: null,
  ): Handle;
}

let loaded: Kernel32 | undefined;
let memoryInformationSize = 0;

/** The library, loaded at the first use, so that this module can be imported anywhere. */
export function kernel32(): Kernel32 {
  loaded ??= load();
  return loaded;
}

function load(): Kernel32 {
  const library = koffi().load('kernel32.dll');
  // Types without names: koffi refuses a second type of one name, and this package may be loaded in two copies.
  const memoryInformation = koffi().struct({
    BaseAddress: 'void *',
    AllocationBase: 'void *',
    AllocationProtect: 'uint32_t',
    // PartitionId, where there is one, lies in the padding here.
    RegionSize: 'size_t',
    State: 'uint32_t',
    Protect: 'uint32_t',
    Type: 'uint32_t',
  });
  memoryInformationSize = koffi().sizeof(memoryInformation);
  const systemInformation = koffi().struct({
    dwOemId: 'uint32_t',
    dwPageSize: 'uint32_t',
    lpMinimumApplicationAddress: 'void *',
    lpMaximumApplicationAddress: 'void *',
    dwActiveProcessorMask: 'uintptr_t',
    dwNumberOfProcessors: 'uint32_t',
    dwProcessorType: 'uint32_t',
    dwAllocationGranularity: 'uint32_t',
    wProcessorLevel: 'uint16_t',
    wProcessorRevision: 'uint16_t',
  });
  const out = (type: string | TypeObject) => koffi().out(koffi().pointer(type));
  const declare = (name: string, result: string, parameters: (string | ReturnType<typeof out>)[]) =>
    library.func('__stdcall', name, result, parameters);
  const handle = 'intptr_t';
  const dword = 'uint32_t';
  const bool = 'int';
  const pointer = 'void *';
  const text = 'str16';
  const time = out('uint64_t');
  return {
    addresses: {
      CloseHandle: library.symbol('CloseHandle'),
      UnmapViewOfFile: library.symbol('UnmapViewOfFile'),
      UnregisterWait: library.symbol('UnregisterWait'),
    },
    GetLastError: declare('GetLastError', dword, []),
    SetLastError: declare('SetLastError', 'void', [dword]),
    FormatMessageW: declare('FormatMessageW', dword, [
      dword,
      pointer,
      dword,
      dword,
      out('uint16_t'),
      dword,
      pointer,
    ]),
    GetSystemInfo: declare('GetSystemInfo', 'void', [out(systemInformation)]),
    CloseHandle: declare('CloseHandle', bool, [handle]),
    CreateFileMappingW: declare('CreateFileMappingW', handle, [handle, pointer, dword, dword, dword, text]),
    OpenFileMappingW: declare('OpenFileMappingW', handle, [dword, bool, text]),
    MapViewOfFile: declare('MapViewOfFile', pointer, [handle, dword, dword, dword, 'size_t']),
    UnmapViewOfFile: declare('UnmapViewOfFile', bool, [pointer]),
    FlushViewOfFile: declare('FlushViewOfFile', bool, [pointer, 'size_t']),
    FlushFileBuffers: declare('FlushFileBuffers', bool, [handle]),
    CreateFileW: declare('CreateFileW', handle, [text, dword, dword, pointer, dword, dword, handle]),
    DeleteFileW: declare('DeleteFileW', bool, [text]),
    GetFileSizeEx: declare('GetFileSizeEx', bool, [handle, out('uint64_t')]),
    GetLargePageMinimum: declare('GetLargePageMinimum', 'size_t', []),
    VirtualQuery: declare('VirtualQuery', 'size_t', [pointer, out(memoryInformation), 'size_t']),
    CreateMutexExW: declare('CreateMutexExW', handle, [pointer, text, dword, dword]),
    ReleaseMutex: declare('ReleaseMutex', bool, [handle]),
    CreateEventW: declare('CreateEventW', handle, [pointer, bool, bool, text]),
    OpenEventW: declare('OpenEventW', handle, [dword, bool, text]),
    SetEvent: declare('SetEvent', bool, [handle]),
    WaitForSingleObject: declare('WaitForSingleObject', dword, [handle, dword]),
    RegisterWaitForSingleObject: declare('RegisterWaitForSingleObject', bool, [
      out(handle),
      handle,
      pointer,
      pointer,
      dword,
      dword,
    ]),
    UnregisterWaitEx: declare('UnregisterWaitEx', bool, [handle, handle]),
    OpenProcess: declare('OpenProcess', handle, [dword, bool, dword]),
    SwitchToThread: declare('SwitchToThread', bool, []),
    GetCurrentProcess: declare('GetCurrentProcess', handle, []),
    GetProcessTimes: declare('GetProcessTimes', bool, [handle, time, time, time, time]),
    OpenThread: declare('OpenThread', handle, [dword, bool, dword]),
    GetCurrentThread: declare('GetCurrentThread', handle, []),
    GetCurrentThreadId: declare('GetCurrentThreadId', dword, []),
    GetProcessIdOfThread: declare('GetProcessIdOfThread', dword, [handle]),
    GetThreadTimes: declare('GetThreadTimes', bool, [handle, time, time, time, time]),
    CreateNamedPipeW: declare('CreateNamedPipeW', handle, [
      text,
      dword,
      dword,
      dword,
      dword,
      dword,
      dword,
      pointer,
    ]),
  };
}

const codeOfError: Partial<Record<number, MmfErrorCode>> = {
  [ERROR_FILE_NOT_FOUND]: 'NOT_FOUND',
  // ERROR_PATH_NOT_FOUND: a name with a backslash in it that leads nowhere.
  3: 'INVALID_NAME',
  [ERROR_ACCESS_DENIED]: 'ACCESS_DENIED',
  // ERROR_INVALID_HANDLE: the name belongs to another kind of object.
  6: 'ACCESS_DENIED',
  // ERROR_NOT_ENOUGH_MEMORY
  8: 'NO_SPACE',
  // ERROR_INVALID_NAME
  123: 'INVALID_NAME',
  // ERROR_BAD_PATHNAME
  161: 'INVALID_NAME',
  [ERROR_ALREADY_EXISTS]: 'EXISTS',
  // ERROR_FILENAME_EXCED_RANGE
  206: 'INVALID_NAME',
  // ERROR_NO_SYSTEM_RESOURCES
  1450: 'NO_SPACE',
  // ERROR_COMMITMENT_LIMIT
  1455: 'NO_SPACE',
};

const FORMAT_MESSAGE_FROM_SYSTEM = 0x1000;
const FORMAT_MESSAGE_IGNORE_INSERTS = 0x200;

function textOf(code: number): string {
  const text = new Uint16Array(512);
  const flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  const length = kernel32().FormatMessageW(flags, null, code, 0, text, text.length, null);
  const message = Buffer.from(text.buffer, 0, 2 * length)
    .toString('utf16le')
    .trim();
  return message.replace(/\.$/, '') || 'unknown error';
}

/** The error for a failed call, which must have been the last call into kernel32. */
export function lastError(call: string, message: string): MmfError {
  return osError(call, kernel32().GetLastError(), message);
}

/** The error for a failed call whose `GetLastError()` was read already; `code` where the number alone does not tell. */
export function osError(
  call: string,
  osCode: number,
  message: string,
  code: MmfErrorCode = codeOfError[osCode] ?? 'OS_ERROR',
): MmfError {
  return new MmfError(code, message, { os: { call, osCode, osMessage: textOf(osCode) } });
}

/** Bytes of a page of memory. */
export function readPageSize(): number {
  const information: [Partial<SystemInformation>] = [{}];
  kernel32().GetSystemInfo(information);
  return information[0].dwPageSize ?? 0;
}

/** Bytes of the mapped view at that address, in whole pages: there is no other way to learn a mapping's size. */
export function readRegionSize(address: Address): number {
  const information: [Partial<MemoryInformation>] = [{}];
  if (kernel32().VirtualQuery(address, information, memoryInformationSize) === 0) {
    throw lastError('VirtualQuery', 'cannot find the size of the mapping');
  }
  if (information[0].State !== MEM_COMMIT) {
    throw new MmfError('ACCESS_DENIED', 'the mapping only reserves addresses: it has no memory to access');
  }
  return Number(information[0].RegionSize);
}

/** Whether the object is signalled: for a process or a thread, whether it has ended. Must not be asked of a mutex or an event. */
export function isSignalled(handle: Handle): boolean {
  return kernel32().WaitForSingleObject(handle, 0) === WAIT_OBJECT_0;
}

/** Lets another thread run that waits for this core. */
export function yieldThread(): void {
  kernel32().SwitchToThread();
}

/**
 * Sees to it that the handle is closed when this thread ends, also by force.
 *
 * @returns closes it now.
 */
export function holdHandle(handle: Handle): () => void {
  const { addresses, CloseHandle } = kernel32();
  const forget = atThreadEnd(addresses.CloseHandle, handle);
  return () => {
    forget();
    CloseHandle(handle);
  };
}
