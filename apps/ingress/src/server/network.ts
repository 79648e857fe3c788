/** Addresses and networks in text: what a peer is called, which peers a list means, and who counts as one. */
import { BlockList, isIP, isIPv4 } from "node:net";

const MAPPED = "::ffff:";

/**
 * The address as it is compared here: an IPv4 address that came over an IPv6 socket is an IPv4 address, and a
 * zone does not count. Undefined if the text is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const zone = text.indexOf("%");
  const address = (zone < 0 ? text : text.slice(0, zone)).toLowerCase();
  if (isIP(address) === 0) return undefined;
  const mapped = address.startsWith(MAPPED) ? address.slice(MAPPED.length) : "";
  return isIPv4(mapped) ? mapped : address;
}

/**
 * Who a limit by address is about: an IPv4 address, or an IPv6 network of 64 bits, which is the least that one
 * subscriber has (RFC 6177), so that its 2^64 addresses are one sender and not as many. Takes a canonical address.
 */
export function senderOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const rest = groupsOf(tail);
    // An IPv4 address at the end stands for two groups.
    const length = groups.length + rest.length + (tail.includes(".") ? 1 : 0);
    groups.push(...Array<string>(Math.max(0, 8 - length)).fill("0"), ...rest);
  }
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

/** True for an address, or a network such as 10.0.0.0/8 or fd00::/8. */
export function isNetwork(text: string): boolean {
  const { address, prefix } = split(text);
  const version = isIP(address);
  if (version === 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

/** Says of canonical addresses whether they are on the list. Each item must be a network. */
export function createNetworkList(items: readonly string[]): (address: string) => boolean {
  if (items.length === 0) return () => false;
  const list = new BlockList();
  for (const item of items) {
    const { address, prefix } = split(item);
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function split(item: string): { address: string; prefix: string | undefined } {
  const slash = item.indexOf("/");
  return slash < 0
    ? { address: item, prefix: undefined }
    : { address: item.slice(0, slash), prefix: item.slice(slash + 1) };
}
