/**
 * Calls back as if nothing else happened in this turn of the event loop: what the callback throws is an uncaught exception,
 * and keeps no other one from being called.
 */
export function callAlone(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
