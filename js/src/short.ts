// What is used so often that its full name would take hundreds of bytes of every saved notebook.
export const { stringify } = JSON;
export const { isArray } = Array;
export const { max, min, round, hypot } = Math;
export const { isFinite: isFiniteNumber, isSafeInteger } = Number;

export const valuesOf = <T>(map: ReadonlyMap<unknown, T>): T[] => [...map.values()];

/** Facts on one line; those that do not hold are left out. */
export const joined = (parts: readonly unknown[]): string => parts.filter(Boolean).join(" · ");
