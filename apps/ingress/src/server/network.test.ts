import t from "tap";
import { canonicalAddress, createNetworkList, isNetwork, senderOf } from "./network.js";

await t.test("one peer has one name, however its address is written", async (t) => {
  t.equal(canonicalAddress("::ffff:192.0.2.1"), "192.0.2.1");
  t.equal(canonicalAddress("::FFFF:192.0.2.1"), "192.0.2.1");
  t.equal(canonicalAddress("192.0.2.1"), "192.0.2.1");
  t.equal(canonicalAddress("fe80::1%eth0"), "fe80::1");
  t.equal(canonicalAddress("2001:DB8::1"), "2001:db8::1");
});

await t.test("what is no address has no name", async (t) => {
  for (const text of ["", "localhost", "192.0.2", "192.0.2.1:80", "[::1]", "unknown", "1.2.3.4, 5.6.7.8"]) {
    t.equal(canonicalAddress(text), undefined, text);
  }
});

const SENDERS: [string, string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::9", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8::1:2:3:4", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
];

for (const [address, sender] of SENDERS) {
  await t.test(`${address} is limited as ${sender}`, async (t) => t.equal(senderOf(address), sender));
}

await t.test("networks are told from what is none", async (t) => {
  for (const text of ["10.0.0.0/8", "10.1.2.3", "::1", "fd00::/8", "0.0.0.0/0"]) t.ok(isNetwork(text), text);
  for (const text of ["10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10/8", "proxy", "/8"]) {
    t.notOk(isNetwork(text), text);
  }
});

await t.test("a list holds its addresses and the networks around them, of both versions", async (t) => {
  const isListed = createNetworkList(["10.0.0.0/8", "192.0.2.7", "fd00::/8"]);
  for (const address of ["10.255.0.1", "192.0.2.7", "fd12::1"]) t.ok(isListed(address), address);
  for (const address of ["11.0.0.1", "192.0.2.8", "fe00::1", "::1"]) t.notOk(isListed(address), address);
  t.notOk(createNetworkList([])("10.0.0.1"), "an empty list holds nobody");
});
