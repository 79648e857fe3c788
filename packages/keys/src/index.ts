/** API keys: the file that holds them, how one is made and how one is found. */
export { KEY_FILE_BYTES_MAX, KEY_NAME, KEYS_MAX, parseKeyFile } from "./key-file.js";
export type { KeyEntry } from "./key-file.js";
export { createKeyRing } from "./key-ring.js";
export type { KeyRing } from "./key-ring.js";
export { digestOf, MASTER_NAME, masterKey, SCOPES } from "./key.js";
export type { ApiKey, Scope } from "./key.js";
export { makeKey } from "./make-key.js";
export type { KeyWish, MadeKey } from "./make-key.js";
export { isOrigin } from "./origin.js";
export type { Rate } from "./rate.js";
