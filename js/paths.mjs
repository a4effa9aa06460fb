// Writes the data of an icon's path as short as it can be seen: 24 px that are shown at 16, so a tenth of one is enough.

/** How a command's numbers are to be read: along x, along y, or as they are. */
const ROLES = { m: "xy", l: "xy", h: "x", v: "y", c: "xyxyxy", q: "xyxy", a: "rrrffxy", z: "" };
const NUMBER = "(-?(?:\\d+\\.?\\d*|\\.\\d+))[ ,]*";
const FLAG = "([01])[ ,]*";
/** How far a curve may be from the arc in whose place it stands (px). */
const NEAR = 0.25;

/** The numbers behind a letter, in sets of as many as its command takes. */
function setsOf(kind, text) {
  const pattern = [...ROLES[kind]].map((role) => (role === "f" ? FLAG : NUMBER)).join("");
  return pattern ? [...text.matchAll(new RegExp(pattern, "g"))].map(([, ...numbers]) => numbers.map(Number)) : [[]];
}

/** The commands of a path: their letters, and their numbers from the point where each begins. */
function* commandsOf(data) {
  let at = { x: 0, y: 0 };
  let start = at;
  for (const [, letter, text] of data.matchAll(/([a-zA-Z])([^a-zA-Z]*)/g)) {
    const kind = letter.toLowerCase();
    const roles = ROLES[kind];
    for (const [i, set] of setsOf(kind, text).entries()) {
      const numbers = set.map((number, j) => (letter === kind ? number : number - (at[roles[j]] ?? 0)));
      yield { kind: kind === "m" && i > 0 ? "l" : kind, numbers };
      const moved = (axis) => at[axis] + (numbers[roles.lastIndexOf(axis)] ?? 0);
      at = kind === "z" ? start : { x: moved("x"), y: moved("y") };
      start = kind === "m" ? at : start;
    }
  }
}

/** A short arc as a quadratic curve between the same tangents: two thirds of its room. */
function curveOf([radius, , , large, sweep, dx, dy]) {
  const half = Math.hypot(dx, dy) / 2;
  const angle = Math.asin(Math.min(1, half / radius));
  const reach = half * Math.tan(angle);
  const isNear = !large && Math.abs(reach / 2 - radius * (1 - Math.cos(angle))) < NEAR;
  const aside = ((sweep ? 1 : -1) * reach) / (2 * half);
  return isNear ? [dx / 2 + dy * aside, dy / 2 - dx * aside, dx, dy] : null;
}

/** The corner that a cubic curve rounds, where it is one. */
function cornerOf([x1, y1, x2, y2, dx, dy]) {
  const isSmall = Math.abs(dx) <= 3 && Math.abs(dy) <= 3;
  const corner = y1 === 0 && x2 === dx ? [dx, 0] : x1 === 0 && y2 === dy ? [0, dy] : null;
  return isSmall && corner ? [...corner, dx, dy] : null;
}

function plainer({ kind, numbers }) {
  const curve = kind === "a" ? curveOf(numbers) : kind === "c" ? cornerOf(numbers) : null;
  return curve ? { kind: "q", numbers: curve } : { kind, numbers };
}

const round = (value) => Math.round(value * 10) / 10;
const written = (value) => String(round(value)).replace(/^(-?)0\./, "$1.");

/** Numbers side by side, with a space only where two would be read as one. */
function joined(texts, roles) {
  let line = "";
  texts.forEach((text, i) => {
    const isApart = i === 0 || text.startsWith("-") || roles[i - 1] === "f";
    line += isApart || (text.startsWith(".") && texts[i - 1].includes(".")) ? text : ` ${text}`;
  });
  return line;
}

/** One command in a form, and the letter that it leaves to be repeated. */
function form(letter, values, roles, last) {
  const body = joined(values.map(written), roles);
  const isRepeated = letter === last && letter.toLowerCase() !== "z";
  const glue = isRepeated && !body.startsWith("-") ? " " : "";
  return { last: { m: "l", M: "L" }[letter] ?? letter, text: (isRepeated ? "" : letter) + glue + body };
}

/** A line that is level or upright needs one number. */
function straightened(kind, whole, at) {
  if (kind === "l" && round(whole[1]) === round(at.y)) {
    return ["h", [whole[0]]];
  }
  return kind === "l" && round(whole[0]) === round(at.x) ? ["v", [whole[1]]] : [kind, whole];
}

/** The same path, each command in the shorter of its two forms. */
export function shortest(data) {
  let line = "";
  let last = "";
  /** Where the path is, and where what was written is: what is rounded away does not add up. */
  let now = { x: 0, y: 0 };
  let at = now;
  let start = now;
  for (const command of commandsOf(data)) {
    const plain = plainer(command);
    const places = [...ROLES[plain.kind]];
    const absolute = plain.numbers.map((number, i) => number + (now[places[i]] ?? 0));
    const [kind, whole] = straightened(plain.kind, absolute, at);
    const roles = [...ROLES[kind]];
    const relative = whole.map((number, i) => (roles[i] in at ? round(number) - at[roles[i]] : number));
    const forms = [form(kind, relative, roles, last), form(kind.toUpperCase(), whole, roles, last)];
    const best = line && forms[0].text.length <= forms[1].text.length ? forms[0] : forms[1];
    line += best.text;
    last = best.last;
    now =
      kind === "z"
        ? start
        : { x: absolute[places.lastIndexOf("x")] ?? now.x, y: absolute[places.lastIndexOf("y")] ?? now.y };
    at = { x: round(now.x), y: round(now.y) };
    start = kind === "m" ? now : start;
  }
  return line;
}
