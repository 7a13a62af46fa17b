// What the page tells of the browser it runs in, and of how it was used while it waited.
//
// For privacy review: facts that every page can read (name, platform, languages, window and screen size, time zone,
// graphics renderer), whether a program says that it drives the browser, and of pointer, keys, touches and scrolling
// counts and statistics only. No position, no key and no trace leaves the page, and nothing is kept in the browser.
// The server turns all of it into one bit for each oddity and forgets the rest (`trafficguard/challenge/probes.py`).
const quietly = (read, otherwise) => { try { return read(); } catch { return otherwise; } };
function watched() {
  // Error.prepareStackTrace runs when somebody outside has the console's messages sent to it.
  const before = Error.prepareStackTrace;
  let seen = false;
  Error.prepareStackTrace = () => { seen = true; return ""; };
  quietly(() => console.debug(new Error("")));
  Error.prepareStackTrace = before;
  return seen;
}
function collectProbes(workerSays) {
  const n = navigator, names = quietly(() => [...Object.getOwnPropertyNames(window), ...Object.getOwnPropertyNames(document)], []);
  const uad = n.userAgentData, facts = {};
  const has = (name, value) => { if (value !== undefined && value !== null && value !== false) facts[name] = value; };
  has("webdriver", n.webdriver === true);
  has("cdc", names.some(name => /^\$?cdc_|^\$chrome_/.test(name)));
  has("prepare_stack_trace", quietly(watched, false));
  has("playwright_globals", names.some(name => /^(__playwright|__pw|__selenium|__webdriver|__driver|_selenium|callSelenium|callPhantom|_phantom|__phantomas|domAutomation|__nightmare)/.test(name)));
  has("headless_ua", /headless/i.test(n.userAgent + (uad ? JSON.stringify(uad.brands) : "")));
  facts.ua = n.userAgent.slice(0, 512);
  facts.platform = String(n.platform).slice(0, 64);
  facts.languages = [...(n.languages || [])].slice(0, 5).map(String);
  if (uad) {
    facts.brands = uad.brands.map(b => `"${b.brand}";v="${b.version}"`).join(", ").slice(0, 256);
    facts.mobile = uad.mobile;
  }
  facts.touch_points = n.maxTouchPoints | 0;
  has("no_plugins", n.plugins && n.plugins.length === 0);
  has("zero_outer", window.outerWidth === 0 && window.outerHeight === 0);
  has("chrome_object_missing", /Chrome\//.test(n.userAgent) && !("chrome" in window));
  has("native_tampered", quietly(() => ["webdriver", "userAgent", "platform", "languages", "plugins"].some(name => {
    const own = Object.getOwnPropertyDescriptor(Navigator.prototype, name);
    return name in Object.getOwnPropertyDescriptors(n) || (own && !/\[native code\]/.test(Function.prototype.toString.call(own.get)));
  }), false));
  has("iframe_differs", quietly(() => {
    const frame = document.createElement("iframe");
    frame.hidden = true;
    document.body.append(frame);
    const other = frame.contentWindow.navigator, differs = other.webdriver !== n.webdriver || other.userAgent !== n.userAgent;
    frame.remove();
    return differs;
  }, false));
  has("worker_ua_differs", workerSays && workerSays.join("\n") !== [n.userAgent, n.platform, String(n.languages)].join("\n"));
  has("webgl_renderer", quietly(() => {
    const gl = document.createElement("canvas").getContext("webgl"), more = gl && gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER)).slice(0, 256);
  }, undefined));
  facts.timezone = new Date().getTimezoneOffset();
  Object.assign(facts, { screen_width: screen.width, screen_height: screen.height, outer_width: window.outerWidth, outer_height: window.outerHeight });
  return facts;
}
const motion = { moves: 0, clicks: 0, clicks_without_moves: 0, touches: 0, keys: 0, scrolls: 0, untrusted: 0 };
let way = 0, first = null, last = null, lastTime = 0, sum = 0, squares = 0, lately = 0;
function watchMotion() {
  const on = (type, note) => addEventListener(type, event => { if (!event.isTrusted) motion.untrusted++; note(event); }, { passive: true, capture: true });
  on("pointermove", e => {
    const here = [e.clientX, e.clientY];
    if (last) {
      way += Math.hypot(here[0] - last[0], here[1] - last[1]);
      const pause = e.timeStamp - lastTime;
      sum += pause; squares += pause * pause;
    }
    first = first || here; last = here; lastTime = e.timeStamp; lately = e.timeStamp; motion.moves++;
  });
  on("click", e => { motion.clicks++; if (!lately || e.timeStamp - lately > 2000) motion.clicks_without_moves++; });
  on("touchstart", () => motion.touches++);
  on("keydown", () => motion.keys++);
  on("scroll", () => motion.scrolls++);
}
function collectMotion() {
  const facts = { ...motion }, pauses = motion.moves - 1;
  if (pauses > 0) {
    facts.interval_mean = sum / pauses;
    facts.interval_variance = Math.max(0, squares / pauses - facts.interval_mean ** 2);
    if (way > 0) facts.straightness = Math.min(1, Math.hypot(last[0] - first[0], last[1] - first[1]) / way);
  }
  return facts;
}
