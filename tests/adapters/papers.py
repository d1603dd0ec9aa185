"""PDF files made by hand: small, and as odd as a test wants them."""

import zlib


def pdf(text: str) -> bytes:
    """One page that shows one line; no line for an empty text."""
    shown = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else ""
    return _file(shown.encode("ascii"))


def inflating_pdf(mebibytes: int) -> bytes:
    """One page whose drawing commands are a thousand times larger than the file."""
    line = b"BT /F1 12 Tf 72 720 Td (again and again) Tj ET\n"
    packer = zlib.compressobj(9)
    part = line * (1024 * 1024 // len(line))
    packed = b"".join(packer.compress(part) for _ in range(mebibytes)) + packer.flush()
    return _file(packed, b" /Filter /FlateDecode")


_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
    b" /Resources << /Font << /F1 5 0 R >> >> >>"
)


def _file(stream: bytes, filters: bytes = b"") -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        _PAGE,
        b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(stream), filters, stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return data + head + table + trailer % (len(objects) + 1, len(data))
