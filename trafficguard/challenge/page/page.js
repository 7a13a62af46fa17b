// The challenge: works, hands in, and goes on to where the visitor wanted to go. See `reception.py` for the other side.
const data = JSON.parse(document.getElementById("tg").textContent);
const state = document.getElementById("state"), bar = document.getElementById("bar"), again = document.getElementById("again");
const question = document.getElementById("ask");
const offer = shown => { if (question) question.hidden = !shown; };
const say = name => { state.textContent = data.texts[name]; };
const ATTEMPTS = 3, MEMORY = "tg-attempts", WINDOW_MS = 120000;
let gone = false, stopped = false;

// How often this tab was here of late: whatever goes wrong, nobody goes round in circles.
function attempts(more) {
  const now = Date.now(), read = text => (text || "").split(",").map(Number).filter(t => now - t < WINDOW_MS && t <= now);
  let times;
  try {
    times = read(sessionStorage.getItem(MEMORY));
    if (more) sessionStorage.setItem(MEMORY, [...times, now].join(","));
  } catch {
    times = read((window.name.match(/^tg:(.*)$/) || [])[1]);
    if (more) window.name = "tg:" + [...times, now].join(",");
  }
  return times.length + (more ? 1 : 0);
}
function forget() {
  try { sessionStorage.removeItem(MEMORY); } catch { window.name = ""; }
}
function stop(name) {
  if (gone) return;
  stopped = true;
  say(name);
  bar.hidden = true;
  again.hidden = false;
  offer(true);
}
function goOn() {
  if (gone) return;
  gone = true;
  say("done");
  bar.value = bar.max;
  // Where the page stands in the place of what was asked for, the browser asks again, a form's fields and all.
  if (data.method !== "GET" || location.pathname + location.search === data.to) location.reload();
  else location.replace(data.to);
}
const ask = (path, options) => fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
async function hasPass() {
  try { return (await ask(data.pass)).status === 204; } catch { return false; }
}
async function patiently(path, options) {
  for (let pause = 1000; ; pause = Math.min(pause * 2, 8000)) {
    try { return await ask(path, options); } catch {
      if (gone) throw new Error("gone");
      say("offline");
      await new Promise(go => setTimeout(go, pause));
    }
  }
}

const source = `${searcher}\n(${worker})()`;
const textOf = part => `${data.challenge}:${part}:`;
let workerSays = null;
function inWorkers(found) {
  return new Promise((done, fail) => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" })), answers = [];
    const crew = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1, data.parts)), workers = [];
    let next = 0, count = 0;
    const end = () => { workers.forEach(one => one.terminate()); URL.revokeObjectURL(url); };
    cancel = () => { end(); fail(new Error("cancelled")); };
    const give = one => { if (next < data.parts) { one.postMessage({ text: textOf(next), bits: data.bits, part: next }); next++; } };
    for (let i = 0; i < crew; i++) {
      const one = new Worker(url);
      one.onmessage = ({ data: { part, answer, who } }) => {
        workerSays = who;
        answers[part] = answer;
        found(++count);
        if (count === data.parts) { end(); done(answers); } else give(one);
      };
      one.onerror = () => { end(); fail(new Error("worker")); };
      workers.push(one);
      give(one);
    }
  });
}
async function inSlices(found) {
  const search = searcher(), answers = [];
  for (let part = 0; part < data.parts; part++) {
    for (let from = 0, answer = ""; !answer; from += 1024) {
      if (gone) throw new Error("gone");
      answer = search(textOf(part), data.bits, from, 1024);
      if (answer) answers.push(answer);
      await new Promise(go => setTimeout(go));
    }
    found(part + 1);
  }
  return answers;
}
let cancel = () => {};
async function work() {
  const found = count => { bar.value = count; };
  if (typeof Worker === "function") {
    try { return await inWorkers(found); } catch (error) { if (error.message !== "worker") throw error; }
  }
  return inSlices(found);
}

async function challenge() {
  if (await hasPass()) return goOn();
  say("working");
  const began = performance.now(), answers = await work(), took = performance.now() - began;
  const report = { challenge: data.challenge, answers, took, probes: collectProbes(workerSays), motion: collectMotion() };
  const reply = await patiently(data.solve, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(report) });
  if (reply.status !== 204) {
    const { cause } = await reply.json().catch(() => ({}));
    if (await hasPass()) return goOn();
    if (["expired", "foreign", "spent", "full"].includes(cause) && data.method === "GET") return location.reload();
    return stop("failed");
  }
  if (!(await hasPass())) {
    // The browser keeps no cookies: the pass stays at the server, for a while.
    const receipt = reply.headers.get("X-Pass-Receipt") || "";
    const lent = await patiently(data.lend, { method: "POST", headers: { "Content-Type": "text/plain" }, body: receipt });
    if (lent.status !== 204) return stop("cookies");
  }
  channel && channel.postMessage("pass");
  goOn();
}

const channel = quietly(() => new BroadcastChannel("tg"), null);
const look = async () => { if (!gone && await hasPass()) { cancel(); goOn(); } };
if (channel) channel.onmessage = look;
addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("pageshow", event => { if (event.persisted) { gone = false; look(); } });
setInterval(() => { if (!document.hidden && !gone) look(); }, 1500);
again.addEventListener("click", () => { forget(); location.reload(); });
watchMotion();
document.getElementById("working").hidden = false;
offer(false);
if (attempts(true) > ATTEMPTS) stop("failed");
else {
  const start = () => stopped || gone ? null : challenge().catch(error => { if (error.message !== "cancelled" && error.message !== "gone") stop("failed"); });
  // One tab works, the others wait for it, and one of them takes over if it is closed.
  // Without cookies browsers have no locks either.
  if (navigator.locks) { say("waiting"); navigator.locks.request("tg", start).catch(start); } else start();
}
