/**
 * Takes the accessor `Object.prototype.__proto__` away, as `node --disable-proto=delete` does.
 *
 * protobuf-es builds the objects of a Struct by assignment. With the accessor in place a member named `__proto__`
 * vanishes there, and an event that REST refuses with `forbidden_key` would be accepted over RPC without it.
 * Without the accessor it is a member like any other, is seen, and is refused.
 */
export function removeProtoAccessor(): void {
  Reflect.deleteProperty(Object.prototype, "__proto__");
}
