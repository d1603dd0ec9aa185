"""Personal data: what is found, and what looks alike and is not."""

import pytest

from passerelle.domain.guardrails import checksums
from passerelle.domain.guardrails.personal_data import PersonalData
from passerelle.domain.guardrails.screening import by_beginning

GUARD = PersonalData()


def found(text: str) -> list[tuple[str, str]]:
    """Kind and text of each finding that lies in no other."""
    kept: list[tuple[str, str]] = []
    reached = 0
    for finding in sorted(GUARD.findings(text), key=by_beginning):
        if finding.end > reached:
            kept.append((finding.kind, text[finding.start : finding.end]))
            reached = finding.end
    return kept


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("write to jo.doe+news@mail.example.co.uk.", "email", "jo.doe+news@mail.example.co.uk"),
        ("mailto:jo@example.com?subject=x", "email", "jo@example.com"),
        ("<müller@example.de>", "email", "müller@example.de"),
        ("请联系jo@example.com谢谢", "email", "jo@example.com"),
        ("ring +41 (0)96 471 07 95 now", "phone", "+41 (0)96 471 07 95"),
        ("ring +447700 921 916", "phone", "+447700 921 916"),
        ("+1-903-140-4508x769", "phone", "+1-903-140-4508x769"),
        ("(602)272-9781", "phone", "(602)272-9781"),
        ("at 555-123-4567.", "phone", "555-123-4567"),
        ("at 259.735.7502", "phone", "259.735.7502"),
        ("at 415 555 1234 or", "phone", "415 555 1234"),
        ("001-253-366-9781", "phone", "001-253-366-9781"),
        ("0688 872 49 99", "phone", "0688 872 49 99"),
        ("03.93.92.16.85", "phone", "03.93.92.16.85"),
        ("call 5403926876", "phone", "5403926876"),
        ("Mobile: 99 577450", "phone", "99 577450"),
        ("4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("card 4111-1111-1111-1111, cvv 123", "card", "4111-1111-1111-1111"),
        ("4111 1111 1111 1111 123", "card", "4111 1111 1111 1111"),
        ("3782 822463 10005", "card", "3782 822463 10005"),
        ("paid with 5555555555554444", "card", "5555555555554444"),
        ("GB82 WEST 1234 5698 7654 32", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("to de89370400440532013000 please", "iban", "de89370400440532013000"),
        ("123-45-6789", "ssn", "123-45-6789"),
        ("SSN 987-65-4321", "ssn", "987-65-4321"),
        ("social security number: 123456789", "ssn", "123456789"),
        ("from 86.121.97.248", "ip_address", "86.121.97.248"),
        ("from 192.168.1.1.", "ip_address", "192.168.1.1"),
        ("host 2001:db8::ff00:42:8329", "ip_address", "2001:db8::ff00:42:8329"),
        ("2001:db8:0:1:1:1:1:1", "ip_address", "2001:db8:0:1:1:1:1:1"),
        ("https://jo:pw12@example.com/", "url_credentials", "jo:pw12"),
        ("born on March 3, 1980", "date_of_birth", "March 3, 1980"),
        ("date of birth: 03/12/1980", "date_of_birth", "03/12/1980"),
        ("DOB 1980-12-03", "date_of_birth", "1980-12-03"),
        ("born 12th of May 1990", "date_of_birth", "12th of May 1990"),
        ("passport no. X1234567", "passport", "X1234567"),
        ("driver's license D123-4567-8901", "driver_licence", "D123-4567-8901"),
        ("(MRN: ST-998877)", "medical_record", "ST-998877"),
        ("medical record number is 12345-678", "medical_record", "12345-678"),
        ("patient ID #AB-987654", "medical_record", "AB-987654"),
        ("health plan beneficiary number HP-678901", "health_plan", "HP-678901"),
        ("account number BA-98765432", "account", "BA-98765432"),
    ],
)
def test_personal_data_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "order number 1234567890123456",  # fails Luhn
        "order 4111111111111112",
        "invoice 79927398713",  # passes Luhn, no brand
        "version 1.2.3.4 and v86.121.97.248",
        "see section 4.2.1.3",
        "listen on 0.0.0.0 and 127.0.0.1:8080",
        "std::vector<int> and dead::beef and ::1",
        "12:30:45 or 00:1B:44:11:3A:B7",
        "take 500 mg twice, 2.5 ml at 20:15",
        "in 1998, 2021-2024, 55-year-old, aged 42, 18-25",
        "2021-09-01T12:00:00Z and 1700000000000",
        "123e4567-e89b-12d3-a456-426614174000",
        "000-12-3456 and 666-12-3456 and 123-00-4567",
        "GB82 WEST 1234 5698 7654 33",  # fails modulus 97
        "5403926876",
        "the patient was born in 1980",
        "on March 3, 1980 the treaty was signed",
        "released 03/12/2020",
        "the record stands at 123456 visitors",
        "npm install left-pad@1.3.0, @property, user@localhost",
        "growth of +5% to 1,200,500.75",
        "ISBN 978-3-16-148410-0",
        "license AGPL-3.0, Apache-2.0",
        "phone support ends in 2026",
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    ],
)
def test_what_only_looks_like_personal_data_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_two_findings_beside_each_other_are_both_found() -> None:
    assert found("jo@x.com,al@x.com 555-123-4567/555-987-6543")[:3] == [
        ("email", "jo@x.com"),
        ("email", "al@x.com"),
        ("phone", "555-123-4567"),
    ]


@pytest.mark.parametrize("number", ["4242424242424242", "378282246310005", "6011111111111117"])
def test_luhn_takes_published_test_numbers_and_no_neighbour(number: str) -> None:
    assert checksums.is_luhn(number)
    assert checksums.is_card_brand(number)
    wrong = str((int(number[-1]) + 1) % 10)
    assert not checksums.is_luhn(number[:-1] + wrong)


@pytest.mark.parametrize(
    "iban", ["DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947"]
)
def test_iban_check_takes_published_examples_and_no_transposition(iban: str) -> None:
    assert checksums.is_iban(iban)
    assert not checksums.is_iban(iban[:5] + iban[6] + iban[5] + iban[7:]) or iban[5] == iban[6]
