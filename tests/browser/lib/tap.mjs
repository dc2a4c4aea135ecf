// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/tap.mjs - results as TAP. A check that throws is a failure, and the run goes on: a later step says more.
 */
/* A script that printed results before this one says which number is next. */
const first = Number(process.env.TAP_FIRST ?? 1);
let n = first - 1;
let bad = 0;

const comment = (s) =>
	String(s)
		.split('\n')
		.map((l) => `# ${l}`)
		.join('\n');

export const note = (s) => console.log(comment(s));

/* @work throws or rejects when @what does not hold; what it returns is noted when it is a string. */
export async function check(what, work) {
	n++;
	try {
		const said = await work();
		if (typeof said === 'string') note(`${what}: ${said}`);
		console.log(`ok ${n} ${what}`);
		return true;
	} catch (e) {
		bad++;
		console.log(comment(e.stack ?? e));
		console.log(`not ok ${n} ${what}`);
		return false;
	}
}

let stopped = null;

/* A check on which all later ones stand: when one fails the rest is not tried, and @after may leave a picture. */
export async function step(what, work, after = async () => {}) {
	if (stopped) {
		n++;
		bad++;
		console.log(`not ok ${n} ${what} (not reached: ${stopped})`);
		return;
	}
	if (!(await check(what, work))) {
		stopped = what;
		await Promise.resolve(after()).catch(() => {});
	}
}

export function must(condition, why) {
	if (!condition) throw new Error(why);
}

export function equal(got, want, what = 'value') {
	const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
	if (g !== w) throw new Error(`${what}: ${g}, not ${w}`);
}

export function finish() {
	console.log(`1..${n}`);
	process.exitCode = bad ? 1 : 0;
}

/* How many times longer than on a machine of our own everything may take. */
export const slow = Number(process.env.SLOW ?? 1);

/* Poll until @probe returns something true; the machine may be slow. */
export async function until(what, probe, seconds = 60) {
	const end = Date.now() + seconds * slow * 1000;
	let last;
	for (;;) {
		last = await probe();
		if (last) return last;
		if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
		await new Promise((done) => setTimeout(done, 50));
	}
}
