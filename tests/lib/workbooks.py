"""Workbooks as openpyxl and XlsxWriter write them: the one puts texts into their cells, the other shares them, as Excel does. Run
by Debian's python: the tests' own may be another that knows neither. As a program: reads JSON, writes a workbook."""
import json
import subprocess
import sys

PYTHON = "/usr/bin/python3"


def write(path, *sheets, epoch1904=False, writer="openpyxl"):
    """Each sheet {"name", "rows", "merge", "hidden"}: a cell is a JSON value, or {"date": ISO}, {"hours": H}."""
    text = json.dumps({"path": str(path), "sheets": sheets, "epoch1904": epoch1904, "writer": writer})
    subprocess.run([PYTHON, __file__], input=text, text=True, check=True, timeout=120)


def value(cell):
    import datetime
    if not isinstance(cell, dict):
        return cell
    if "hours" in cell:
        return datetime.timedelta(hours=cell["hours"])
    text = cell["date"]
    return datetime.datetime.fromisoformat(text) if "T" in text else datetime.date.fromisoformat(text)


def by_openpyxl(told):
    import openpyxl
    from openpyxl.utils.datetime import CALENDAR_MAC_1904
    book = openpyxl.Workbook()
    if told["epoch1904"]:
        book.epoch = CALENDAR_MAC_1904
    book.remove(book.active)
    for sheet in told["sheets"]:
        ws = book.create_sheet(sheet.get("name", "Sheet"))
        for row in sheet["rows"]:
            ws.append([value(c) for c in row])
        for ref in sheet.get("merge", ()):
            ws.merge_cells(ref)
        if sheet.get("hidden"):
            ws.sheet_state = "hidden"
    book.save(told["path"])


def by_xlsxwriter(told):
    import datetime
    import xlsxwriter
    book = xlsxwriter.Workbook(told["path"], {"date_1904": told["epoch1904"], "strings_to_formulas": False})
    styles = [(datetime.timedelta, book.add_format({"num_format": "[h]:mm:ss"})),
              (datetime.datetime, book.add_format({"num_format": 'yyyy"년" m"월" d"일" AM/PM h:mm'})),
              (datetime.date, book.add_format({"num_format": 14})), (object, None)]
    for sheet in told["sheets"]:
        ws = book.add_worksheet(sheet.get("name"))
        for r, row in enumerate(sheet["rows"]):
            for c, cell in enumerate(map(value, row)):
                ws.write(r, c, cell, next(style for kind, style in styles if isinstance(cell, kind)))
        for ref in sheet.get("merge", ()):
            first = ref.split(":")[0]
            ws.merge_range(ref, sheet["rows"][int(first[1:]) - 1][ord(first[0]) - ord("A")])
        if sheet.get("hidden"):
            ws.hide()
    book.close()


def main():
    told = json.load(sys.stdin)
    {"openpyxl": by_openpyxl, "xlsxwriter": by_xlsxwriter}[told["writer"]](told)


if __name__ == "__main__":
    main()
