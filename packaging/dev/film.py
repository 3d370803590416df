"""Pictures that play: SVG with CSS animations, and no script, so that they play where a page shows them as <img>.

A film is a number of frames, a time for each, and a time for which the last one stays; then it begins anew. What
changes is drawn once for each frame, one below the other, in a window through which the whole strip is pulled. Where
nothing animates, the last frame is shown. So it is where the reader prefers no motion; within an <img>, though, browsers
do not tell the picture so, and the page has to choose the still one that is written beside it.
"""

import html

# Of the terminal in the picture; each with what it is on a dark page.
COLORS = {
    "ground": ("#ffffff", "#14202b"),
    "frame": ("#c4ccd4", "#34495a"),
    "text": ("#16202a", "#e8eef3"),
    "soft": ("#55626e", "#9fb3c4"),
    "good": ("#14713a", "#5fce8b"),
    "bad": ("#b3261e", "#ff8d83"),
    "warn": ("#8a5300", "#eab65a"),
    "line": ("#1f5fae", "#79b4f2"),
    "grid": ("#e1e6ea", "#26394a"),
}


def escape(text):
    return html.escape(str(text))


class Film:
    def __init__(self, width, height, frames, step, stay, title):
        self.width, self.height, self.frames, self.title = width, height, frames, title
        self.seconds = frames * step + stay
        # The last frame is reached, and stays.
        self.reached = 100 * (frames - 1) * step / self.seconds
        self.parts, self.moves = [], {}

    def text(self, x, y, text, kind="text", size=14, anchor="start", extra=""):
        self.parts.append(self._text(x, y, text, kind, size, anchor, extra))

    @staticmethod
    def _text(x, y, text, kind, size, anchor, extra=""):
        anchor = "" if anchor == "start" else f' text-anchor="{anchor}"'
        return (
            f'<text class="{kind}" x="{x:g}" y="{y:g}" font-size="{size:g}"{anchor}{extra} xml:space="preserve">'
            f"{escape(text)}</text>"
        )

    def box(self, x, y, width, height, kind):
        self.parts.append(f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>')

    def raw(self, part):
        self.parts.append(part)

    def _move(self, direction, by):
        """The name of the animation that moves by so much with each frame."""
        name = f"{direction.lower()}{by:g}".replace("-", "m").replace(".", "p")
        self.moves[name] = f"translate{direction}({by * (self.frames - 1):g}px)"
        return name

    def strip(self, x, y, width, size, texts, anchor="start"):
        """A text that changes: one of (kind, text) for each frame. Its baseline is at y."""
        height = round(size * 1.5)
        top, start = y - size * 1.15, {"start": 0, "end": width, "middle": width / 2}[anchor]
        # A text that stays the same is drawn again: the window shows one row at a time.
        rows = [
            self._text(start, index * height + size * 1.15, text, kind, size, anchor) if text != "" else ""
            for index, (kind, text) in enumerate(texts)
        ]
        move = self._move("Y", -height)
        self.parts.append(
            f'<svg x="{x:g}" y="{top:g}" width="{width:g}" height="{height}"><g class="{move}">'
            + "".join(rows) + "</g></svg>"
        )

    def appear(self, frame, x, y, text, kind="text", size=14, anchor="start"):
        """A text that is there from this frame on."""
        name = f"from{frame}"
        self.moves[name] = f"{100 * frame / (self.frames - 1) * self.reached / 100:.3f}%"
        self.parts.append(f'<g class="{name}">{self._text(x, y, text, kind, size, anchor)}</g>')

    def reveal(self, x, y, width, height):
        """Covers a drawing, and uncovers it from the left, frame by frame."""
        move = self._move("X", width / self.frames)
        left = x + width / self.frames
        self.parts.append(
            f'<svg x="{left:g}" y="{y:g}" width="{width:g}" height="{height:g}">'
            f'<rect class="ground {move}" width="{width:g}" height="{height:g}"/></svg>'
        )

    def _style(self, plays):
        def colors(which):
            return "".join(f"--{name}:{both[which]};" for name, both in COLORS.items())

        rules = [
            f":root{{{colors(0)}}}",
            f"@media(prefers-color-scheme:dark){{:root{{{colors(1)}}}}}",
            "text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}",
            *(f".{name}{{fill:var(--{name})}}" for name in COLORS),
            ".strong{fill:var(--text);font-weight:700}.win{fill:var(--good);font-weight:700}",
            ".edge{fill:var(--ground);stroke:var(--frame)}",
            ".curve{fill:none;stroke:var(--line);stroke-width:2;stroke-linejoin:round}",
        ]
        for name, target in self.moves.items():
            if name.startswith("from"):
                frames = f"0%{{opacity:0;animation-timing-function:step-end}}{target},100%{{opacity:1}}"
            else:
                rules.append(f".{name}{{transform:{target}}}")
                frames = (
                    f"0%{{transform:none;animation-timing-function:steps({self.frames - 1},end)}}"
                    f"{self.reached:.3f}%,100%{{transform:{target}}}"
                )
            if plays:
                rules.append(f"@keyframes {name}{{{frames}}}")
        if plays:
            rules.append("@media(prefers-reduced-motion:no-preference){")
            rules += [f".{name}{{animation:{name} {self.seconds:g}s infinite}}" for name in self.moves]
            rules.append("}")
        return "\n".join(rules)

    def write(self, path):
        """Writes the film, and beside it, as -still.svg, its last frame."""
        self._write(path, True)
        self._write(path.removesuffix(".svg") + "-still.svg", False)

    def _write(self, path, plays):
        width, height = self.width, self.height
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" role="img">\n<title>{escape(self.title)}</title>\n<style>\n{self._style(plays)}\n</style>\n'
                f'<rect class="edge" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>\n'
                + "\n".join(self.parts) + "\n</svg>\n"
            )
