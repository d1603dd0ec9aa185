/**
 * Checks that an entry stands in the ledger, with this browser's own arithmetic.
 * Source: RFC 9162, 2.1.3.2; an entry's hash is the hash of its leaf.
 */
import type { Proof } from "@/api/types";

const NODE = 1;

/** Does the path lead from the entry's hash to the root of the checkpoint? */
export async function isIncluded(proof: Proof): Promise<boolean> {
  const index = proof.sequence - 1;
  if (index < 0 || index >= proof.checkpoint_size) return false;
  let node = index;
  let last = proof.checkpoint_size - 1;
  let hash = bytesOf(proof.hash);
  for (const step of proof.inclusion) {
    if (last === 0) return false;
    const sibling = bytesOf(step);
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && hexOf(hash) === proof.root;
}

const half = (number: number): number => Math.floor(number / 2);

async function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array> {
  const data = Uint8Array.from([NODE, ...left, ...right]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
