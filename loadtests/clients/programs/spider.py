"""A spider of Scrapy, as its tutorial has it: listings, their items, and the next page.

scrapy runspider spider.py -a base=URL -a items=NUMBER
"""

from typing import ClassVar

import scrapy


class Shop(scrapy.Spider):
    name = "shop"
    custom_settings: ClassVar = {"LOG_ENABLED": False, "TELNETCONSOLE_ENABLED": False, "ROBOTSTXT_OBEY": False}

    def __init__(self, base, items, **more):
        super().__init__(**more)
        self.start_urls = [base + "/"]
        self.left = int(items)

    def parse(self, response):
        for link in response.css("a::attr(href)").getall():
            if link.startswith("/category/"):
                yield response.follow(link, self.parse)
            elif link.startswith("/product/") and self.left > 0:
                self.left -= 1
                yield response.follow(link, self.parse_item)

    def parse_item(self, response):
        yield {"name": response.css("h1::text").get()}
