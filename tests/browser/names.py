#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""names.py DIR - make a device node in DIR for every name of the hostile corpus; print the names as JSON, [{"b64"}].

Device nodes, because a target that was not told to allow them refuses each one: every name becomes a failure with its
path, and travels through the source, the wire, the daemon, the page's process and the page.
"""
import base64
import json
import os
import stat
import sys

SEEDS = [b"\n", b"a\nb", b"\x1b[2J", b"\x1b]0;x\x07", b"\x1b[31mred", b"\x9b31m", b"--help", b"-rf", b" lead", b"trail ", b"...", b"....",
         b"<img src=x onerror=alert(1)>", b"<svg onload=alert(1)>", b"\"><script>alert(1)<", b"<style>*{display:none}<", b"<b>bold<", b"{{7*7}}", b"${x}", b"$(id)", b"`id`",
         b"%n%s%x", b"%00", b"'; drop", b"javascript:alert(1)", b"&lt;&amp;", b"&#x1b;", b"\\", b"\\x1b", b"\\n", b"a\\", b"lost+found", b".tidemark-x", b"CON", b"a:b", b"*?[a]", b"~", b"#",
         b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf8\x88\x80\x80\x80", b"\xed\xa0\x80", b"\xed\xa0\x80\xed\xb0\x80", b"\xff" * 255, b"\xff", b"\xfe\xff", b"ok\xffend", b"\xc3", b"\xe2\x82",
         "e\u0301".encode(), "\u00e9".encode(), "\u212b".encode(), "\u00c5".encode(), "FILE".encode(), "file2".encode(), "stra\u00dfe".encode(), "\u65e5\u672c\u8a9e".encode(),
         "\u0639\u0631\u0628\u064a.txt".encode(), "\u05e2\u05d1\u05e8\u05d9\u05ea".encode(), "\u202egpj.exe".encode(), "a\u202eb\u202cc".encode(), "\u2066x\u2069".encode(),
         "z\u0335\u0321\u0322\u0327\u0328\u0334\u0300\u0301\u0302".encode(), ("a" + "\u0301" * 120).encode(), "\U0001f468\u200d\U0001f469\u200d\U0001f467".encode(),
         "\U000e0041\U000e0042".encode(), "\U0010ffff".encode(), "\ufffd".encode(), b"x" * 255, ("\u6f22" * 85).encode()]


def corpus():
    names = list(SEEDS)
    # Every control character, every other byte that is not ASCII, alone and in a word.
    for b in list(range(1, 0x20)) + list(range(0x7f, 0x100)):
        names += [b"c" + bytes([b]), b"w" + bytes([b]) + b"w"]
    # Everything of Unicode that has no ink or turns the line around.
    for lo, hi in ((0xa0, 0xa0), (0xad, 0xad), (0x34f, 0x34f), (0x61c, 0x61c), (0x115f, 0x1160), (0x1680, 0x1680), (0x17b4, 0x17b5), (0x180b, 0x180f), (0x2000, 0x200f),
                   (0x2028, 0x202f), (0x205f, 0x206f), (0x2800, 0x2800), (0x3000, 0x3000), (0x3164, 0x3164), (0xfe00, 0xfe0f), (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff9, 0xfffc),
                   (0x1d173, 0x1d17a), (0xe000, 0xe001), (0xe0001, 0xe0001), (0xe0020, 0xe007f)):
        for c in range(lo, hi + 1):
            names.append(("u" + chr(c) + "u").encode())
    seen, out = set(), []
    for n in names:
        n = n[:255]
        if n not in seen and b"/" not in n and b"\0" not in n and n not in (b".", b".."):
            seen.add(n)
            out.append(n)
    return out


def main():
    folder = os.fsencode(sys.argv[1])
    os.mkdir(folder)
    names = corpus()
    for n in names:
        os.mknod(os.path.join(folder, n), 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    if len(names) < 500:
        sys.exit("names.py: only %d names" % len(names))
    print(json.dumps([{"b64": base64.b64encode(n).decode()} for n in names]))


main()
