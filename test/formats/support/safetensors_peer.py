"""Reads the safetensors file argv[1] as the format is published, prints it as JSON and writes it to argv[2].

Standard library only, so that it shares nothing with the implementation under test. What it writes is padded by nothing
and spaced as Python likes it: readers must not rely on alignment.
"""

import json
import struct
import sys

with open(sys.argv[1], "rb") as source:
    (header_bytes,) = struct.unpack("<Q", source.read(8))
    header = json.loads(source.read(header_bytes).decode("utf-8"))
    data = source.read()

metadata = header.pop("__metadata__", {})
tensors = []
for name, fields in header.items():
    assert fields["dtype"] == "F32", name
    begin, end = fields["data_offsets"]
    values = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    tensors.append({"name": name, "shape": fields["shape"], "values": values})
print(json.dumps({"metadata": metadata, "tensors": tensors}))

text = json.dumps({**header, "__metadata__": metadata}, ensure_ascii=False).encode("utf-8")
if len(text) % 4 == 0:
    text += b" "
with open(sys.argv[2], "wb") as target:
    target.write(struct.pack("<Q", len(text)) + text + data)
