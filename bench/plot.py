"""Draws curves as SVG: panels one below the other, each with its axes, grid, curves and a
legend."""
import math
from html import escape

WIDTH, PANEL_HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 74, 190, 34, 46
COLOURS = ("#1b6ca8", "#c8442b", "#2e8540", "#8a5fb0", "#a87600", "#555555")
FONT = 'font-family="sans-serif" font-size="12"'


class Axis:
    """Values from low to high on a stretch of the page; ticks are (value, words)."""

    def __init__(self, name, low, high, ticks, logarithmic=False):
        self.name = name
        self.low = low
        self.high = high
        self.ticks = ticks
        self.logarithmic = logarithmic

    def place(self, value):
        """Where a value stands: 0 at low, 1 at high; beyond them at the border."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class Panel:
    """One diagram. curves: (name, [(x, y), ...]); mark: (x, words) of an upright line, or None."""

    def __init__(self, title, x_axis, y_axis, curves, mark=None, dots=False):
        self.title = title
        self.x_axis = x_axis
        self.y_axis = y_axis
        self.curves = curves
        self.mark = mark
        self.dots = dots


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} {more}>{escape(words)}</text>'


def line(x1, y1, x2, y2, colour, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def draw_panel(panel, top):
    """The elements of a panel whose upper border is at top."""
    left, right = LEFT, WIDTH - RIGHT
    high, low = top + TOP, top + PANEL_HEIGHT - BOTTOM

    def x_of(value):
        return left + (right - left) * panel.x_axis.place(value)

    def y_of(value):
        return low - (low - high) * panel.y_axis.place(value)

    parts = [text(left, top + 20, panel.title, more='font-weight="bold"')]
    for value, words in panel.x_axis.ticks:
        parts += [line(x_of(value), high, x_of(value), low, "#dddddd"),
                  text(x_of(value), low + 16, words, "middle")]
    for value, words in panel.y_axis.ticks:
        parts += [line(left, y_of(value), right, y_of(value), "#dddddd"),
                  text(left - 6, y_of(value) + 4, words, "end")]
    parts += [f'<rect x="{left}" y="{high}" width="{right - left}" height="{low - high}" fill="none" '
              'stroke="#666666"/>',
              text((left + right) / 2, low + 34, panel.x_axis.name, "middle"),
              text(0, 0, panel.y_axis.name, "middle",
                   f'transform="translate(16 {(low + high) / 2:.1f}) rotate(-90)"')]
    if panel.mark:
        at = x_of(panel.mark[0])
        parts += [line(at, high, at, low, "#000000", 'stroke-dasharray="4 3"'),
                  text(at + 4, low - 8, panel.mark[1])]
    for number, (name, points) in enumerate(panel.curves):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x_of(x), y_of(y)) for x, y in points]
        track = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{track}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if panel.dots:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        parts += [line(right + 10, high + 10 + 18 * number, right + 28, high + 10 + 18 * number, colour,
                       'stroke-width="2"'),
                  text(right + 33, high + 14 + 18 * number, name)]
    return parts


def draw(path, panels):
    """Writes the panels to a file."""
    height = PANEL_HEIGHT * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             f'viewBox="0 0 {WIDTH} {height}">', f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    for number, panel in enumerate(panels):
        parts += draw_panel(panel, PANEL_HEIGHT * number)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>", ""]))
