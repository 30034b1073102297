import { MmfError } from '../../errors.js';
import { koffi } from '../koffi.js';
import { type Handle, kernel32, lastError, osError } from './kernel32.js';

const PRIVILEGE = 'SeLockMemoryPrivilege';
const TOKEN_ADJUST_PRIVILEGES = 0x20;
const SE_PRIVILEGE_ENABLED = 2;
const ERROR_NOT_ALL_ASSIGNED = 1300;

/** The functions of advapi32.dll that are used, under their own names. */
interface Advapi32 {
  OpenProcessToken(process: Handle, access: number, token: [Handle]): number;
  LookupPrivilegeValueW(system: null, name: string, luid: Uint32Array): number;
  AdjustTokenPrivileges(
    token: Handle,
    disableAll: number,
    privileges: Uint32Array,
    length: number,
    previous: null,
    previousLength: null,
  ): number;
}

let loaded: Advapi32 | undefined;

function advapi32(): Advapi32 {
  loaded ??= load();
  return loaded;
}

function load(): Advapi32 {
  const library = koffi().load('advapi32.dll');
  return {
    OpenProcessToken: library.func(
      'int __stdcall OpenProcessToken(intptr_t process, uint32_t access, _Out_ intptr_t *token)',
    ),
    LookupPrivilegeValueW: library.func(
      'int __stdcall LookupPrivilegeValueW(void *system, str16 name, _Out_ uint32_t *luid)',
    ),
    AdjustTokenPrivileges: library.func(
      'int __stdcall AdjustTokenPrivileges(intptr_t token, int disableAll, uint32_t *privileges, uint32_t length, void *previous, void *previousLength)',
    ),
  };
}

/**
 * Turns the privilege on that large pages take.
 *
 * @returns bytes of a large page.
 * @throws {@link MmfError} `UNSUPPORTED` where the processor has none; `ACCESS_DENIED` without the privilege.
 */
export function enableLargePages(objectName: string): number {
  const { GetLargePageMinimum, GetCurrentProcess, CloseHandle } = kernel32();
  const pageSize = GetLargePageMinimum();
  if (pageSize === 0) {
    throw new MmfError('UNSUPPORTED', `no large pages for ${objectName}: this processor has none`);
  }
  const token: [Handle] = [0];
  if (advapi32().OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, token) === 0) {
    throw lastError('OpenProcessToken', `no large pages for ${objectName}`);
  }
  try {
    enablePrivilege(token[0], objectName);
  } finally {
    CloseHandle(token[0]);
  }
  return pageSize;
}

function enablePrivilege(token: Handle, objectName: string): void {
  const { LookupPrivilegeValueW, AdjustTokenPrivileges } = advapi32();
  const luid = new Uint32Array(2);
  if (LookupPrivilegeValueW(null, PRIVILEGE, luid) === 0) {
    throw lastError('LookupPrivilegeValueW', `no large pages for ${objectName}`);
  }
  // TOKEN_PRIVILEGES: how many, then for each its LUID and attributes.
  const privileges = Uint32Array.of(1, luid[0] ?? 0, luid[1] ?? 0, SE_PRIVILEGE_ENABLED);
  kernel32().SetLastError(0);
  const adjusted = AdjustTokenPrivileges(token, 0, privileges, 0, null, null);
  // It succeeds also where the user does not have the privilege, and says so by the error number only.
  const code = kernel32().GetLastError();
  if (adjusted === 0 || code === ERROR_NOT_ALL_ASSIGNED) {
    const message = `no large pages for ${objectName}: this user does not have ${PRIVILEGE}`;
    throw osError('AdjustTokenPrivileges', code, message, 'ACCESS_DENIED');
  }
}
