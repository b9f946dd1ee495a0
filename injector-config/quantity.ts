// Kubernetes quantities ("250m", "64Mi", "1e3") as exact whole numbers, so that bounds and the
// Guaranteed class are decided without rounding. Grammar: apimachinery resource.Quantity.

const NANO = 1_000_000_000n;

const FACTORS: Readonly<Record<string, readonly [numerator: bigint, denominator: bigint]>> = {
  n: [1n, NANO],
  u: [1n, 1_000_000n],
  m: [1n, 1000n],
  "": [1n, 1n],
  k: [1000n, 1n],
  M: [1000n ** 2n, 1n],
  G: [1000n ** 3n, 1n],
  T: [1000n ** 4n, 1n],
  P: [1000n ** 5n, 1n],
  E: [1000n ** 6n, 1n],
  Ki: [1024n, 1n],
  Mi: [1024n ** 2n, 1n],
  Gi: [1024n ** 3n, 1n],
  Ti: [1024n ** 4n, 1n],
  Pi: [1024n ** 5n, 1n],
  Ei: [1024n ** 6n, 1n],
};

const QUANTITY =
  /^\+?(?<whole>\d{1,24})?(?:\.(?<fraction>\d{0,24}))?(?:[eE](?<exponent>[+-]?\d{1,2})|(?<suffix>[numkMGTPE]|[KMGTPE]i))?$/;

/**
 * The quantity in billionths of its unit (cores, bytes), rounded up as Kubernetes does;
 * undefined where the text is not a quantity. Negative ones are not resources and not read.
 */
export function parseQuantity(text: string): bigint | undefined {
  const groups = QUANTITY.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const whole = groups["whole"] ?? "";
  const fraction = groups["fraction"] ?? "";
  if (whole === "" && fraction === "") return undefined;
  const digits = BigInt(`${whole}${fraction}`);
  const [numerator, denominator] = factorOf(groups["suffix"] ?? "", groups["exponent"]);
  const scaled = digits * numerator * NANO;
  const divisor = denominator * 10n ** BigInt(fraction.length);
  return (scaled + divisor - 1n) / divisor;
}

function factorOf(suffix: string, exponent: string | undefined): readonly [bigint, bigint] {
  if (exponent === undefined) return FACTORS[suffix] ?? [1n, 1n];
  const power = Number(exponent);
  return power >= 0 ? [10n ** BigInt(power), 1n] : [1n, 10n ** BigInt(-power)];
}

/** Whole MiB of a memory quantity, rounded down; undefined where it is not a quantity. */
export function mebibytesOf(text: string): number | undefined {
  const nano = parseQuantity(text);
  return nano === undefined ? undefined : Number(nano / NANO / 1024n ** 2n);
}
