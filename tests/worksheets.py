"""Moodle's offline worksheets, as it writes them in several languages."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Moodle's own words: its language packs' mod/assign/lang and lang/.
ENGLISH = {
    "identifier": "Identifier", "participant": "Participant ", "grade": "Grade",
    "modified": "Last modified (grade)", "feedback": "Feedback comments",
    "name": "Full name", "email": "Email address", "status": "Status", "maximum": "Maximum grade",
    "can": "Grade can be changed", "submitted": "Last modified (submission)",
}  # fmt: skip
ROMANIAN = {
    "identifier": "Identificator", "participant": "Participant ", "grade": "Notă",
    "modified": "Ultima modificare (notă)", "feedback": "Comentarii de feedback",
    "name": "Nume complet", "email": "Adresă de email", "status": "Status",
    "maximum": "Nota maximă", "can": "Nota poate fi schimbată",
    "submitted": "Ultima modificare (temă predată)",
}  # fmt: skip
JAPANESE = {
    "identifier": "ID", "participant": "参加者", "grade": "評点",
    "modified": "最終更新日時 (評点)", "feedback": "フィードバックコメント",
    "name": "フルネーム", "email": "メールアドレス", "status": "ステータス",
    "maximum": "最大評点", "can": "評点を変更できる", "submitted": "最終更新日時 (提出)",
}  # fmt: skip
PEOPLE = (
    ("101", "Alice Pop", "alice.pop@example.org"),
    ("102", "Bogdan Ene", "bene@example.org"),
    ("103", "Bogdan Ene", "bogdan@example.org"),
)


def worksheet(
    words: Mapping[str, str] = ENGLISH,
    people: Sequence[tuple[str, str, str]] = PEOPLE,
    *,
    maximum: str = "2.00",
    grade: str = "",
    delimiter: str = ",",
    feedback: bool = True,
) -> bytes:
    """A worksheet as Moodle writes it for a class."""
    names = ["identifier", "name", "email", "status", "grade", "maximum", "can", "submitted"]
    names += ["modified", "feedback"][: 1 + feedback]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow([words[name] for name in names])
    for number, name, email in people:
        row = [f"{words['participant']}{number}", name, email, "…", grade, maximum, "Yes"]
        row += ["Monday, 5 October 2026, 9:00 AM", "-", ""][: 2 + feedback]
        writer.writerow(row)
    return ("\ufeff" + file.getvalue()).encode()
