"""The page of a challenge: one self-contained document in the visitor's language.

`languages` picks the language, `render` makes the document from `page.html`, `page.css`, `texts.json` and the scripts
`work.js` (hashes), `probes.js` (what is told of the browser, with a note for privacy review) and `page.js` (the way of
a challenge). Nothing is loaded from anywhere else, and the Content-Security-Policy allows nothing else.

Promises: all that comes from a request stands escaped; the page works without JavaScript, without cookies and with a
screen reader. Never: decides anything.
"""
