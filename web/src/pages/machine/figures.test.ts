// What is shown of the machine, without a browser.
import { expect, test } from "vitest";
import type { MachineView, SandboxView } from "../../api/types";
import { loadBetween, memoryParts, orderOf, pressed, sorted } from "./figures";

const MIB = 1024 * 1024;

function sandbox(id: string, more: Partial<SandboxView> = {}): SandboxView {
  return {
    app_id: id,
    tenant_id: "ten_1",
    status: "running",
    memory_bytes: 100 * MIB,
    swap_bytes: 0,
    cpu_micros: 0,
    pids: 3,
    started_at: "2026-01-01T00:00:00Z",
    restarts: 0,
    ...more,
  };
}

function machine(at: string, items: SandboxView[], more: Partial<MachineView> = {}): MachineView {
  return {
    at,
    cores: 2,
    memory: {
      total_bytes: 1000,
      available_bytes: 400,
      reserved_bytes: 100,
      sandboxes_bytes: 300,
      sandboxes_swap_bytes: 0,
    },
    sandboxes: { starting: 0, running: items.length, frozen: 0, error: 0 },
    pool: { warm: 1, memory_bytes: 50 },
    since_start: {
      starts: 0,
      from_pool: 0,
      wakes: 0,
      freezes: 0,
      thaws: 0,
      hibernations: 0,
      evictions: 0,
      refusals: 0,
      losses: 0,
    },
    items,
    ...more,
  };
}

test("load is the difference of two answers, and none of a sandbox that was not there", () => {
  const before = machine("2026-01-01T00:00:00Z", [sandbox("a"), sandbox("b")], { cpu_micros: 1_000_000 });
  const after = machine(
    "2026-01-01T00:00:02Z",
    [
      sandbox("a", { cpu_micros: 1_000_000 }),
      sandbox("b", { cpu_micros: 5, started_at: "2026-01-01T00:00:01Z" }),
      sandbox("c"),
    ],
    { cpu_micros: 3_000_000 },
  );
  expect(loadBetween(undefined, after)).toBeUndefined();
  expect(loadBetween(after, after)).toBeUndefined();
  expect(loadBetween(before, { ...after, at: "2026-01-01T01:00:00Z" })).toBeUndefined();
  const load = loadBetween(before, after);
  expect(load?.all).toBe(0.5);
  expect([...(load?.apps ?? [])]).toEqual([["a", 0.5]]);
});

test("the parts of the memory make up all of it, whatever counts twice", () => {
  const parts = memoryParts(machine("2026-01-01T00:00:00Z", []));
  expect(parts).toEqual({ total: 1000, free: 400, sandboxes: 300, pool: 50, rest: 250 });
  const cached = machine("2026-01-01T00:00:00Z", []);
  cached.memory.sandboxes_bytes = 5000;
  expect(memoryParts(cached)).toEqual({ total: 1000, free: 400, sandboxes: 600, pool: 0, rest: 0 });
  const silent = machine("2026-01-01T00:00:00Z", [], { memory: { ...cached.memory } });
  delete silent.memory.total_bytes;
  expect(memoryParts(silent)).toBeUndefined();
});

test("a heading sorts, and pressed again sorts the other way round", () => {
  expect(orderOf("")).toEqual({ column: "memory", descending: true });
  expect(orderOf("nonsense")).toEqual(orderOf(""));
  for (const column of ["app", "cpu", "memory"] as const) {
    const first = orderOf(pressed(orderOf("state"), column));
    const second = orderOf(pressed(first, column));
    expect(first.column).toBe(column);
    expect(second).toEqual({ column, descending: !first.descending });
    expect(orderOf(pressed(second, column))).toEqual(first);
  }
});

test("rows that hardly differ keep their places", () => {
  const items = [
    sandbox("b", { memory_bytes: 101 * MIB }),
    sandbox("a"),
    sandbox("c", { memory_bytes: 300 * MIB }),
  ];
  const ids = (text: string) => sorted(items, orderOf(text), undefined).map((item) => item.app_id);
  expect(ids("")).toEqual(["c", "a", "b"]);
  expect(ids("-memory")).toEqual(["a", "b", "c"]);
});
