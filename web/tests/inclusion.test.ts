import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Proof } from "@/api/types";
import { isIncluded } from "@/exchanges/inclusion";

const sha = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
const node = (left: Buffer, right: Buffer) => sha(Buffer.from([1]), left, right);

/** Source: RFC 9162, 2.1.1 and 2.1.3.1, written as the standard writes it. */
function split(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

function rootOf(leaves: Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0] as Buffer;
  const middle = split(leaves.length);
  return node(rootOf(leaves.slice(0, middle)), rootOf(leaves.slice(middle)));
}

function pathOf(index: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const middle = split(leaves.length);
  const [left, right] = [leaves.slice(0, middle), leaves.slice(middle)];
  return index < middle
    ? [...pathOf(index, left), rootOf(right)]
    : [...pathOf(index - middle, right), rootOf(left)];
}

function proofOf(index: number, leaves: Buffer[]): Proof {
  return {
    sequence: index + 1,
    hash: (leaves[index] as Buffer).toString("hex"),
    previous_hash: "",
    checkpoint_size: leaves.length,
    root: rootOf(leaves).toString("hex"),
    inclusion: pathOf(index, leaves).map((step) => step.toString("hex")),
    note: "",
  };
}

const leavesFor = (size: number) =>
  Array.from({ length: size }, (_, at) => sha(Buffer.from(`entry ${at}`)));

test("every entry of every small ledger is found in it", async () => {
  for (let size = 1; size <= 33; size++) {
    const leaves = leavesFor(size);
    for (let index = 0; index < size; index++) {
      expect(await isIncluded(proofOf(index, leaves)), `${index} of ${size}`).toBe(true);
    }
  }
});

test("a proof with anything changed leads nowhere", async () => {
  const proof = proofOf(5, leavesFor(13));
  const other = "0".repeat(64);
  const changed: Partial<Proof>[] = [
    { hash: other },
    { root: other },
    { sequence: 7 },
    { sequence: 14 },
    { sequence: 0 },
    { checkpoint_size: 8 },
    { inclusion: proof.inclusion.slice(1) },
    { inclusion: [...proof.inclusion, other] },
    { inclusion: proof.inclusion.toReversed() },
  ];
  for (const change of changed) {
    expect(await isIncluded({ ...proof, ...change }), JSON.stringify(change)).toBe(false);
  }
});
