/** The Python that tests run: Debian's, for which python3-msgpack is. Another one by the environment variable MMFBUS_TEST_PYTHON. */
export const PYTHON: string = process.env['MMFBUS_TEST_PYTHON'] ?? '/usr/bin/python3';
