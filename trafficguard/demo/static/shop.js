// What the sample shop does in a browser: live stock, adding to the cart without leaving the page, more products on
// scrolling. Every page works without it, and it talks to its own origin only.
"use strict";

const LONGEST_WAIT_MS = 30000;
const TOAST_MS = 2500;

const byId = (id) => document.getElementById(id);

function say(text) {
  const toast = byId("toast");
  toast.textContent = text;
  toast.classList.add("on");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => toast.classList.remove("on"), TOAST_MS);
}

// Live stock. The socket opens once the page is idle, and again after a loss, waiting twice as long each time.
const ticker = { socket: null, wait: 1000, timer: 0, paused: false };

function showStock(update) {
  const left = update.stock === 0 ? "sold out" : `${update.stock} left`;
  byId("ticker-line").textContent = `${update.name}: ${left}`;
  const stock = byId("stock");
  if (stock && stock.closest("[data-product]").dataset.product === String(update.product)) {
    stock.dataset.left = update.stock;
    stock.textContent = update.stock === 0 ? "Sold out for now" : `${update.stock} in stock`;
  }
}

function openTicker() {
  clearTimeout(ticker.timer);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/ws/stock`);
  ticker.socket = socket;
  socket.onopen = () => {
    ticker.wait = 1000;
    byId("ticker").classList.add("on");
    byId("ticker-pause").hidden = false;
  };
  socket.onmessage = (message) => {
    const update = JSON.parse(message.data);
    if ("stock" in update) showStock(update);
  };
  socket.onclose = () => {
    byId("ticker").classList.remove("on");
    if (ticker.paused || ticker.socket !== socket) return;
    ticker.timer = setTimeout(openTicker, ticker.wait);
    ticker.wait = Math.min(LONGEST_WAIT_MS, ticker.wait * 2);
  };
}

byId("ticker-pause").addEventListener("click", (event) => {
  ticker.paused = !ticker.paused;
  event.target.textContent = ticker.paused ? "Go on" : "Pause";
  event.target.setAttribute("aria-pressed", String(ticker.paused));
  if (!ticker.paused) return openTicker();
  clearTimeout(ticker.timer);
  ticker.socket.close();
});

// The cart. On any failure the form is sent the ordinary way.
async function addToCart(form, button) {
  const body = new URLSearchParams([[button.name, button.value]]);
  const added = await fetch(form.action, { method: "POST", body });
  if (!added.ok) throw new Error(`cart answered ${added.status}`);
  const cart = await (await fetch("/api/cart")).json();
  byId("cart-count").textContent = cart.items;
  const line = cart.lines.find((each) => String(each.id) === button.value);
  say(line ? `${line.name} is in your cart` : "Your cart is full");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-add]") || !event.submitter) return;
  event.preventDefault();
  const button = event.submitter;
  addToCart(form, button).catch(() => {
    const id = Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value });
    form.append(id);
    form.submit();
  });
});

// More products, fetched when their place comes near the window.
function card(product) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const image = document.createElement("img");
  const name = document.createElement("span");
  const price = document.createElement("p");
  item.className = "card";
  link.href = product.url;
  Object.assign(image, { alt: "", width: 400, height: 400, loading: "lazy", src: product.image });
  name.textContent = product.name;
  price.className = "price";
  price.textContent = new Intl.NumberFormat("en", { style: "currency", currency: product.currency }).format(product.price_cents / 100);
  link.append(image, name);
  item.append(link, price);
  return item;
}

async function loadMore(section) {
  const answer = await fetch(section.dataset.more);
  if (!answer.ok) return;
  const { products } = await answer.json();
  section.querySelector("h2").hidden = false;
  section.querySelector(".grid").append(...products.slice(0, 12).map(card));
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      near.unobserve(entry.target);
      loadMore(entry.target);
    }
  },
  { rootMargin: "400px" },
);
document.querySelectorAll("[data-more]").forEach((section) => near.observe(section));

(window.requestIdleCallback || setTimeout)(openTicker);
