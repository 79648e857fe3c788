/** The headers by which this command marks what it sends, so that a copy is never taken for the first. */

/** On an event that was replayed from the spool: when, RFC 3339. */
export const REPLAYED_AT = "replayed-at";

/** On an event that was redriven from the dead-letter topic: how often it was, this time included. */
export const REDRIVE_COUNT = "dlq.redrive-count";

/** On the receipt of a redrive, which stands in the dead-letter topic: `<partition>/<offset>` of the dead letter. */
export const RECEIPT_OF = "dlq.receipt-of";
