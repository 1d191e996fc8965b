"""Pieces of the report: tables, verdicts, and putting a part that was measured by itself into a report that is there."""

import re

MEBIBYTE = 1 << 20


def verdict(value, target, smaller_is_better):
    return "met" if (value <= target if smaller_is_better else value >= target) else "**missed**"


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(header, rows):
    return "\n".join([row(header), "|" + "---|" * len(header), *map(row, rows)])


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.3f} s"


def with_targets(report, targets):
    """The report with these rows at the end of its table of targets, in place of those with the same first cell."""
    head, mark, rest = report.partition("## Targets\n")
    body, next_mark, tail = rest.partition("\n## ")
    names = tuple(f"| {target[0]} |" for target in targets)
    kept = [line for line in body.rstrip().splitlines() if not line.startswith(names)]
    return head + mark + "\n".join([*kept, *map(row, targets)]) + "\n" + next_mark + tail


def with_section(report, section, before):
    """The report with this section in place of the one with the same heading, or else ahead of the heading `before`."""
    heading = section.splitlines()[0]
    found = re.search(rf"^{re.escape(heading)}$.*?(?=^## |\Z)", report, re.MULTILINE | re.DOTALL)
    start, end = found.span() if found else [report.index(f"\n{before}\n") + 1] * 2
    return report[:start] + section.rstrip() + "\n\n" + report[end:]


def with_raw_numbers(report, block):
    """The report with this block of every run in place of the one with the same title, or else at the end."""
    title = block.splitlines()[0]
    found = re.search(rf"^{re.escape(title)}$.*?(?=^\*\*|\Z)", report, re.MULTILINE | re.DOTALL)
    start, end = found.span() if found else [len(report)] * 2
    return (report[:start].rstrip() + "\n\n" + block.strip() + "\n\n" + report[end:]).rstrip() + "\n"
