"""The vocabulary of the sample shop: what things are called, made of and coloured, and what is said about
them.

Promises: data only, in a fixed order, because products are numbered combinations of these rows. Never:
computes.
"""

from __future__ import annotations

from typing import NamedTuple


class Category(NamedTuple):
    """One department of the shop."""

    slug: str
    """The name in addresses."""
    name: str
    """The name on pages."""
    line: str
    """One sentence under the heading."""
    materials: tuple[str, ...]
    """What its products are made of."""
    price_range: tuple[int, int]
    """Lowest and highest price in euros."""
    nouns: tuple[tuple[str, str], ...]
    """What is sold, each with the name of its outline in `shapes`."""


class Finish(NamedTuple):
    """A colour one can order, with the shades that draw it and two walls it looks good in front of."""

    name: str
    main: str
    dark: str
    light: str
    walls: tuple[str, str]


CATEGORIES = (
    Category(
        "lighting", "Lighting", "Warm light for long evenings, switched on without thinking.",
        ("Powder-coated steel, linen cable", "Blown glass, brass fittings", "Pleated linen, ash wood"),
        (29, 240),
        (("Table Lamp", "table_lamp"), ("Reading Lamp", "reading_lamp"), ("Pendant Light", "pendant"),
         ("Globe Lamp", "globe"), ("Floor Lamp", "floor_lamp"), ("Lantern", "lantern"),
         ("Candle Holder", "candle"), ("Night Light", "globe")),
    ),
    Category(
        "kitchen", "Kitchen", "Pans that hold their heat and bowls that hold the dough.",
        ("Enamelled cast iron", "Three-ply steel, oak handles", "Stoneware, dishwasher-safe glaze"),
        (19, 180),
        (("Casserole", "casserole"), ("Saucepan", "pan"), ("Skillet", "pan"), ("Mixing Bowl", "bowl"),
         ("Stock Pot", "casserole"), ("Storage Jar", "jar"), ("Kettle", "kettle"), ("Salad Bowl", "bowl")),
    ),
    Category(
        "tableware", "Tableware", "Plates and bowls that look better with food on them.",
        ("Stoneware, reactive glaze", "Porcelain, hand-finished rim", "Recycled glass"),
        (9, 85),
        (("Dinner Plate", "plate"), ("Side Plate", "plate"), ("Soup Bowl", "bowl"), ("Serving Bowl", "bowl"),
         ("Pitcher", "carafe"), ("Carafe", "carafe"), ("Vase", "vase"), ("Sugar Jar", "jar")),
    ),
    Category(
        "coffee-tea", "Coffee & Tea", "For the first cup, and the one after that.",
        ("Stoneware, unglazed foot", "Cast iron, enamelled inside", "Brushed steel, cork sleeve"),
        (12, 130),
        (("Mug", "mug"), ("Espresso Cup", "mug"), ("Teapot", "teapot"), ("Milk Jug", "carafe"),
         ("Tea Kettle", "kettle"), ("Tea Caddy", "jar"), ("Travel Cup", "bottle"), ("Tea Cup", "mug")),
    ),
    Category(
        "textiles", "Textiles", "Wool, linen and cotton, woven to be washed and used.",
        ("Washed linen", "Lambswool, woven in small runs", "Organic cotton, stonewashed"),
        (15, 190),
        (("Cushion", "cushion"), ("Floor Cushion", "cushion"), ("Throw", "blanket"),
         ("Wool Blanket", "blanket"), ("Bed Cover", "blanket"), ("Tea Towel", "towel"),
         ("Table Runner", "towel"), ("Bolster", "cushion")),
    ),
    Category(
        "garden", "Garden", "Pots, cans and baskets that are happiest outside.",
        ("Frost-proof terracotta", "Galvanised steel", "Split willow"),
        (14, 150),
        (("Planter", "planter"), ("Herb Pot", "planter"), ("Window Pot", "planter"), ("Watering Can", "can"),
         ("Garden Lantern", "lantern"), ("Harvest Basket", "basket"),
         ("Bulb Vase", "vase"), ("Trug", "basket")),
    ),
    Category(
        "desk", "Desk & Paper", "Quiet tools for writing things down.",
        ("Linen cover, thread-sewn pages", "Oiled beech", "Anodised aluminium, felt base"),
        (8, 120),
        (("Notebook", "notebook"), ("Sketchbook", "notebook"), ("Day Planner", "notebook"),
         ("Pencil Cup", "pencils"), ("Desk Lamp", "reading_lamp"), ("Desk Clock", "clock"),
         ("Letter Box", "box"), ("Wall Clock", "clock")),
    ),
    Category(
        "storage", "Storage", "A place for everything that has none yet.",
        ("Birch plywood", "Woven seagrass, leather handles", "Recycled felt"),
        (16, 160),
        (("Storage Box", "box"), ("Keepsake Box", "box"), ("Toy Chest", "box"), ("Basket", "basket"),
         ("Laundry Basket", "basket"), ("Log Basket", "basket"),
         ("Wall Shelf", "shelf"), ("Spice Shelf", "shelf")),
    ),
    Category(
        "bath", "Bath", "Soft, plain and slow to wear out.",
        ("Long-staple cotton, 600 g/m²", "Stoneware, matt glaze", "Soy wax, cotton wick"),
        (9, 95),
        (("Soap Dispenser", "dispenser"), ("Lotion Bottle", "dispenser"), ("Bath Towel", "towel"),
         ("Hand Towel", "towel"), ("Towel Set", "blanket"), ("Cotton Jar", "jar"), ("Bath Candle", "candle"),
         ("Wash Basket", "basket")),
    ),
    Category(
        "outdoors", "Outdoors", "Packed in the evening, gone in the morning.",
        ("Waxed canvas, leather straps", "Insulated steel", "Recycled nylon"),
        (18, 210),
        (("Backpack", "backpack"), ("Day Pack", "backpack"), ("Water Bottle", "bottle"), ("Flask", "bottle"),
         ("Camp Mug", "mug"), ("Camp Lantern", "lantern"), ("Picnic Basket", "basket"),
         ("Picnic Blanket", "blanket")),
    ),
)  # fmt: skip
"""The departments; every one sells eight things, which `catalogue` counts on."""

MAKERS = (
    "Halden", "Brae", "Linnet", "Osier", "Marlow", "Tamsin", "Fjord", "Aster",
    "Wren", "Copeland", "Ilse", "Norrby", "Quill", "Sorrel", "Tarn", "Vesper",
    "Alder", "Bramley", "Corrie", "Dunmore", "Eskdale", "Hollin", "Juniper", "Kestrel",
)  # fmt: skip
"""First words of product names."""

FINISHES = (
    Finish("Sage", "#8fa68a", "#6b8267", "#b4c6af", ("#f3e6d8", "#e9e3f0")),
    Finish("Terracotta", "#c96f4a", "#a25233", "#e29774", ("#dfe9e4", "#f5e6cf")),
    Finish("Ink Blue", "#32527b", "#213a5b", "#587aa6", ("#f4dfd0", "#e4ebdf")),
    Finish("Oat", "#dccbb0", "#bba684", "#efe4d1", ("#bfd0c9", "#c9b7ae")),
    Finish("Charcoal", "#4a4e53", "#303337", "#71767c", ("#ecdcc4", "#d5e3e6")),
    Finish("Mustard", "#d9a32c", "#b08019", "#edc468", ("#d6e0ea", "#efe0dc")),
    Finish("Dusty Rose", "#cf8f92", "#ac6a6e", "#e5b5b6", ("#e2e8dc", "#dfe3ef")),
    Finish("Forest", "#3f6b52", "#294b38", "#668f78", ("#f5e3d2", "#eee5bf")),
    Finish("Sky", "#86aecb", "#618cab", "#b1cde1", ("#f6e7d3", "#f0dde0")),
    Finish("Plum", "#7a4a67", "#58314a", "#a0718e", ("#e7e6d2", "#dbe7e6")),
    Finish("Sand", "#c8ab83", "#a28660", "#dfc8a6", ("#cfdcdf", "#dcd3e3")),
    Finish("Rust", "#a8482f", "#80301c", "#c97057", ("#e8e4d0", "#d8e4e2")),
)
"""Colours, in the order in which product numbers run through them."""

OPENINGS = (
    "The {maker} {noun} began as a sketch on the back of a delivery note and has hardly changed since.",
    "A {noun} for people who look at their {noun} every day and would like to go on liking it.",
    "We asked for a {noun} that could be dropped, washed and lent, and this is the one that came back.",
    "Small enough for a narrow shelf, sturdy enough for a large family: the {maker} {noun}.",
    "There are louder ways to make a {noun}. We prefer this one.",
    "The {noun} our own team takes home most often, and the reason is easy to feel once it is in your hands.",
)
"""First sentences of descriptions; `{maker}` and `{noun}` stand for the product's own words."""

MIDDLES = (
    "It is made in a workshop of eleven people, who sign every piece underneath.",
    "Each one is checked by hand, so slight differences in tone are part of the deal.",
    "The {finish} finish is mixed in small batches and deepens a little with the years.",
    "Edges are rounded, seams are doubled, and nothing about it squeaks.",
    "We tested it for a year in a kitchen with three children and a dog.",
    "The proportions follow an older model from the nineteen-fifties, made lighter where it could be.",
)
"""Second sentences of descriptions."""

ENDINGS = (
    "Spare parts are kept for ten years.",
    "It arrives in a plain cardboard box, without any plastic.",
    "Wipe it with a damp cloth; it asks for nothing more.",
    "Goes well with everything else in {finish}.",
    "Send it back within sixty days if it does not feel like yours.",
    "Made to be repaired rather than replaced.",
)
"""Last sentences of descriptions."""

REVIEWS = (
    "Exactly the colour I hoped for, and heavier than it looks.",
    "Bought one, came back for two more.",
    "Well packed and quick. The finish is beautiful in daylight.",
    "A little smaller than I imagined, but I would not swap it now.",
    "My sister has already tried to take it home.",
    "Solid, simple, does what it should.",
    "Took a week to arrive. Worth the wait.",
    "Survived its first fall without a mark.",
)
"""What customers say."""

REVIEWERS = (
    "Ada", "Bram", "Chidi", "Dorte", "Elif", "Femke", "Goran", "Hana", "Ines", "Jonas", "Kaito", "Lena",
)  # fmt: skip
"""Who says it."""
