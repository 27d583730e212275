"""What the pages show can be read, as WCAG 2.2 (AA) asks for it.

Text stands out from its ground by 4.5 to 1, the borders of fields and how full a bar is by 3 to 1.
"""

import colorsys
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

WEB = Path(str(files("gateway.web")))
TEXT, SHAPE = 4.5, 3.0
HEX = re.compile(r"#[0-9a-f]{3,8}\b")
Colour = tuple[float, float, float, float]
Rule = tuple[str, dict[str, str]]


class Sheet:
    """A style sheet: its rules, and what its variables mean."""

    def __init__(self, name: str) -> None:
        text = re.sub(r"/\*.*?\*/", "", (WEB / name).read_text(), flags=re.DOTALL)
        text = re.sub(r"@keyframes \w+ \{.*?\} *\}", "", text)
        found = re.findall(r"([^{}@]+)\{([^{}]*)\}", re.sub(r"@media[^{]+\{", "", text))
        self.rules: list[Rule] = [(" ".join(names.split()), dict(_declared(body))) for names, body in found]
        self.variables = {key: value for _, rule in self.rules for key, value in rule.items() if key.startswith("--")}

    def colours(self, text: str) -> list[Colour]:
        """The colours that a value names: several in a gradient."""
        for name, value in self.variables.items():
            text = text.replace(f"var({name})", value)
        return [_read(found) for found in HEX.findall(text)]

    def of(self, selector: str, what: str) -> list[Colour]:
        """What is declared of elements: of those in some state, else of all of them."""
        for wanted in (selector, selector.partition(":")[0]):
            if found := [c for name, rule in self.rules if name == wanted for c in self.colours(rule.get(what, ""))]:
                return found
        return []


def _declared(body: str) -> Iterator[tuple[str, str]]:
    for line in body.split(";"):
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _read(text: str) -> Colour:
    digits = text[1:] if len(text) > 5 else "".join(digit * 2 for digit in text[1:])
    red, green, blue, alpha = (int((digits + "ff")[n : n + 2], 16) / 255 for n in (0, 2, 4, 6))
    return red, green, blue, alpha


def over(front: Colour, back: Colour) -> Colour:
    """A colour that is not opaque, on another one."""
    *parts, alpha = front
    red, green, blue = (a * alpha + b * (1 - alpha) for a, b in zip(parts, back, strict=False))
    return red, green, blue, 1.0


def luminance(colour: Colour) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: Colour, b: Colour) -> float:
    """How far two colours are from each other, as WCAG counts it: 1 to 21."""
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


# Rules whose ground has no text on it: dots, lines, and the ground of a bar that has another one before it.
WORDLESS = re.compile(r"::(before|after|backdrop)|( |^)i$|#badge|^\.bar$|(#party|\.rows) \.bar|^\.or\b")
# Where text without a ground of its own stands: on the page, beside the map, in windows, in fields, on tabs.
SHEETS = {
    "page/style.css": ("#10141b", "#171d27", "#151b24", "#18202b", "#121720", "#0e131a", "#1d2531", "#1a212c"),
    "playground/playground.css": ("#10141b", "#151b24", "#171d27", "#0b0f15", "#0e131a"),
}
INK = "#e9eef5"


@pytest.mark.parametrize("name", SHEETS)
def test_text_stands_out_from_its_ground(name: str) -> None:
    sheet, night = Sheet(name), _read("#10141b")
    surfaces = [_read(surface) for surface in SHEETS[name]]
    faint = {}
    for selector in (name for name, rule in sheet.rules if rule.keys() & {"color", "background"}):
        inks = sheet.of(selector, "color") or [_read(INK)]
        grounds = [over(ground, night) for ground in sheet.of(selector, "background")] or surfaces
        least = min(contrast(over(ink, ground), ground) for ink in inks for ground in grounds)
        if least < TEXT and not WORDLESS.search(selector):
            faint[selector] = round(least, 2)
    assert faint == {}


@pytest.mark.parametrize("name", SHEETS)
def test_fields_have_borders_that_are_seen(name: str) -> None:
    sheet = Sheet(name)
    (edge,), (inside,) = (sheet.of("button, input, select", what) for what in ("border", "background"))
    for ground in (inside, *map(_read, SHEETS[name])):
        assert contrast(over(edge, ground), ground) >= SHAPE, (name, ground)


def test_it_is_seen_how_full_a_bar_is() -> None:
    sheet = Sheet("page/style.css")
    (empty,) = sheet.of(".bar", "background")
    levels = [selector for selector, _ in sheet.rules if re.fullmatch(r"\.bar(\[.*\])? span", selector)]
    assert len(levels) == 3
    full = [colour for level in levels for colour in sheet.of(level, "background")]
    assert min(contrast(colour, empty) for colour in full) >= SHAPE


@pytest.mark.parametrize("hue", range(0, 360, 10))
def test_names_stand_out_in_whatever_colour_they_have(hue: int) -> None:
    saturation, lightness = map(
        int, re.findall(r"`hsl\(\$\{tint\} (\d+)% (\d+)%\)`", (WEB / "page/main.js").read_text())[0]
    )
    red, green, blue = colorsys.hls_to_rgb(hue / 360, lightness / 100, saturation / 100)
    for surface in SHEETS["page/style.css"]:
        assert contrast((red, green, blue, 1.0), _read(surface)) >= TEXT


def test_contrast_is_counted_as_wcag_has_it() -> None:
    assert contrast(_read("#000"), _read("#fff")) == pytest.approx(21)
    assert contrast(_read("#777777"), _read("#ffffff")) == pytest.approx(4.48, abs=0.01)
    assert over(_read("#ffffff80"), _read("#000"))[:3] == pytest.approx([0.502] * 3, abs=0.001)
