// Filters are written in the daemon's own language; here they are only put together, never read.

/** A value so that it is one text, whatever it holds. */
export function quote(value: string): string {
  return `'${value.replace(/'/g, "''")}'`;
}

export function equal(field: string, value: string): string {
  const [name = "", key] = field.split(/\.(.*)/s, 2);
  return `${key === undefined ? name : `${name}.${quote(key)}`} = ${quote(value)}`;
}

/** All of them; what is empty is left out. */
export function all(...parts: (string | undefined)[]): string {
  const given = parts.map((p) => p?.trim()).filter((p): p is string => Boolean(p));
  return given.length > 1 ? given.map((p) => (/\b(or)\b/i.test(p) ? `(${p})` : p)).join(" and ") : given[0] ?? "";
}
