"""The test vectors of the sealed record and the token, after their description alone.

Nothing is shared with the Rust code: Argon2id is the reference implementation (argon2-cffi),
XChaCha20-Poly1305 is libsodium's (PyNaCl). Salts, nonces and seeds are hashes of labels, so
every run writes the same bytes. `cargo xtask vectors` runs it; with --check it writes nothing
and fails if a file differs.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

FOLDER = Path(__file__).parent.parent / "crates/passsafe-core/tests/vectors"
LEAST, DEFAULT = (19456, 1), (65536, 3)
FIELDS = ("salt", "nonce", "commitment", "ciphertext")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PASSPHRASE, USER = "crudely explode untimely yo-yo proxy zoom", "ana"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def labelled(label, length):
    return hashlib.sha256(f"passsafe vector {label}".encode()).digest()[:length]


def normalise(typed):
    words = [word for word in re.split("[\t-\r ]", typed) if word]
    return "".join(c.lower() if c.isascii() else c for c in " ".join(words))


def entry(name, value):
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value


def pad(entries):
    plaintext = len(entries).to_bytes(4, "big") + entries
    return plaintext + bytes(-len(plaintext) % 256)


class Derived:
    """Argon2id's output, and what it was made of."""

    def __init__(self, label, typed, user, cost, bound=True):
        self.cost, self.salt = cost, labelled(f"{label}: salt", 16)
        mixed = hashlib.sha256(b"passsafe-user-v1" + self.salt + user).digest()[:16]
        self.argon2_salt = mixed if bound else self.salt
        password = normalise(typed).encode()
        output = hash_secret_raw(password, self.argon2_salt, cost[1], cost[0], 1, 96, Type.ID, 19)
        self.key, self.commitment, self.proof = output[:32], output[32:64], output[64:]

    def aad(self, nonce):
        fields = [19, *self.cost, 1, b64(self.salt), b64(nonce), b64(self.commitment)]
        return ":".join(map(str, ["passsafe-sealed-v1", "argon2id", *fields]))

    def seal(self, label, plaintext, key=None, aad=None):
        nonce = labelled(f"{label}: nonce", 24)
        aad = self.aad(nonce) if aad is None else aad
        ciphertext = encrypt(plaintext, aad.encode(), nonce, key or self.key)
        parts = (self.salt, nonce, self.commitment, ciphertext)
        return {"cost": self.cost} | dict(zip(FIELDS, parts))


def text(record):
    memory, passes = record["cost"]
    kdf = {"algorithm": "argon2id", "version": 19, "memory_kib": memory, "iterations": passes}
    fields = {field: b64(record[field]) for field in FIELDS}
    return compact({"version": 1, "kdf": kdf | {"parallelism": 1}} | fields)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# Records that every client opens.


def shown(data):
    if len(data) > 1024:
        return {"length": len(data), "sha256_hex": hashlib.sha256(data).hexdigest()}
    return b64(data)


def good(name, comment, typed="crudely explode untimely hatchery proxy zoom", user=b"ana",
         cost=LEAST, entries=((b"password", b"S3kr!t"),)):
    derived = Derived(name, typed, user, cost)
    plaintext = pad(b"".join(entry(*one) for one in entries))
    vector = {"name": name, "comment": comment, "typed_passphrase": typed,
              "passphrase": normalise(typed)}
    try:
        vector["user"] = user.decode()
    except UnicodeDecodeError:
        pass
    return vector | {
        "user_hex": user.hex(), "argon2_salt_hex": derived.argon2_salt.hex(),
        "key_hex": derived.key.hex(), "commitment_hex": derived.commitment.hex(),
        "proof": b64(derived.proof),
        "proof_hash_hex": hashlib.sha256(b"passsafe-proof-v1" + derived.proof).hexdigest(),
        "aad": derived.aad(labelled(f"{name}: nonce", 24)), "plaintext": shown(plaintext),
        "entries": {key.decode(): shown(value) for key, value in entries},
        "record": text(derived.seal(name, plaintext)),
    }


def all_good():
    def value(data):
        return ((b"password", data),)

    several = ((b"DB_PASSWORD", b"S3kr!t"), (b"DB_USER", b"reader"), (b"_", b"underscore"),
               (b"a.b-c", b"dots and hyphens"), (b"password", "Grüße".encode()),
               (b"password2", b"\n"))
    yield good("default_cost", "the cost that passsafe uses", cost=DEFAULT)
    yield good("least_cost", "the lowest cost that is allowed")
    yield good("odd_cost", "memory that is no multiple of four KiB", cost=(19459, 2))
    yield good("most_iterations", "the most passes that are allowed", cost=(19456, 10))
    yield good("typed_oddly", "upper case, and every kind of white space that is normalised",
               "\t Crudely\vEXPLODE \r\n untimely\fhatcherY  proxy\tzoom\n")
    yield good("hyphened_words", "a hyphen is part of a word, never a separator",
               "drop-down felt-tip T-shirt yo-yo zoom abacus")
    yield good("non_ascii_passphrase", "only A to Z and ASCII white space are normalised",
               " \u00c4RGER\u00a0Gr\u00dcsse  \u2003NAI\u0308VE ")
    yield good("one_letter_passphrase", "any passphrase but an empty one will do", "X")
    yield good("non_ascii_user", "user names are UTF-8 where they are text", user="zoë".encode())
    yield good("user_is_not_utf8", "user names are bytes", user=b"ana\xff\xfe")
    yield good("longest_user", "255 bytes", user=b"u" * 255)
    yield good("several_entries", "names ascend by byte, so upper case comes first",
               entries=several)
    yield good("value_is_not_utf8", "all 256 bytes, descending",
               entries=value(bytes(range(255, -1, -1))))
    yield good("empty_value", "a value may be empty", entries=value(b""))
    yield good("full_block", "239 bytes fill the block: no padding", entries=value(b"p" * 239))
    yield good("one_over_a_block", "240 bytes take a second block", entries=value(b"p" * 240))
    yield good("longest_name", "a name of 64 characters", entries=((b"N" * 64, b"S3kr!t"),))
    yield good("most_entries", "1,024 entries, all values empty",
               entries=[(b"n%04d" % number, b"") for number in range(1024)])
    yield good("longest_value", "65,536 bytes: the bytes 0 to 250 over and over",
               entries=value((bytes(range(251)) * 262)[:65536]))
    relaxed = good("relaxed_json",
                   "white space, another order of the fields and escapes in strings")
    head, tail = relaxed["record"].split(',"salt":')
    head = head.lstrip("{").replace("argon2id", "\\u0061rgon2id")
    relaxed["record"] = f'\r\n{{ "salt":\t{tail.rstrip("}")},\n{head} }}\n '
    yield relaxed


# Records that every client refuses, each with one fault.


def bad(kind, name, comment, record, field=None, passphrase=PASSPHRASE, user=USER):
    vector = {"name": f"{kind}_{name}", "class": kind}
    if field:
        vector["field"] = field
    record = {"hex": record.hex()} if isinstance(record, bytes) else record
    return vector | {"comment": comment, "passphrase": passphrase, "user": user,
                     "record": record}


def all_bad():
    derived = Derived("bad", PASSPHRASE, USER.encode(), LEAST)
    plaintext = pad(entry(b"password", b"S3kr!t"))
    record = derived.seal("bad", plaintext)
    good_text = text(record)

    def swap(old, new):
        assert good_text.count(old) == 1, old
        return good_text.replace(old, new)

    def changed(**fields):
        return text(record | fields)

    yield from json_faults(good_text, swap)
    known = '"version":1,"kdf"'
    for name, comment, number in (("0", "there is no version 0", 0), ("2", "not known yet", 2),
                                  ("largest", "2^64 - 1", 2**64 - 1)):
        yield bad("version", name, comment, swap(known, f'"version":{number},"kdf"'))
    yield bad("version", "2_with_unknown_fields",
              "the version is judged before the fields, which may be others in version 2",
              '{"version":2,"kdf":["argon3"],"recipients":[]}')
    argon, nineteen, lanes = '"algorithm":"argon2id"', '"version":19', '"parallelism":1'
    for name, old, new in (
        ("argon2i", argon, '"algorithm":"argon2i"'), ("argon2d", argon, '"algorithm":"argon2d"'),
        ("upper_case", argon, '"algorithm":"Argon2id"'), ("empty", argon, '"algorithm":""'),
        ("version_16", nineteen, '"version":16'), ("version_0", nineteen, '"version":0'),
        ("parallelism_0", lanes, '"parallelism":0'), ("parallelism_2", lanes, '"parallelism":2'),
    ):
        yield bad("algorithm", name, f"version 1 has only {old}", swap(old, new))
    for short, field, least, wrong in (
        ("memory", "memory_kib", 19456, (19455, 0, 262145, 2**32 - 1)),
        ("iterations", "iterations", 1, (0, 11, 2**32 - 1)),
    ):
        for number in wrong:
            yield bad("cost", f"{short}_{number}", "refused before any memory is allocated",
                      swap(f'"{field}":{least}', f'"{field}":{number}'))
    yield from encodings(record, swap)
    for field, lengths in (("salt", (0, 15, 17)), ("nonce", (0, 12, 23, 25)),
                           ("commitment", (0, 31, 33)),
                           ("ciphertext", (0, 15, 16, 144, 256, 271, 273))):
        for length in lengths:
            resized = record[field][:length].ljust(length, b"\0")
            yield bad("length", f"{field}_{length}", f"{length} bytes",
                      changed(**{field: resized}), field)
    content = 4 + 65536 + 1024 * (1 + 64 + 4)
    length = content + -content % 256 + 256 + 16
    yield bad("length", "ciphertext_too_long", "one block longer than the longest plaintext",
              {"before": changed(ciphertext=b"")[:-2], "repeat": "A",
               "times": (length * 4 + 2) // 3, "after": '"}'}, "ciphertext")
    for name, passphrase in (
        ("other_word", "crudely explode untimely yo-yo proxy zoo"),
        ("word_less", "crudely explode untimely yo-yo proxy"),
        ("word_more", "crudely explode untimely yo-yo proxy zoom zoom"),
        ("hyphen_as_space", "crudely explode untimely yo yo proxy zoom"),
        ("hyphens_for_spaces", "crudely-explode-untimely-yo-yo-proxy-zoom"),
        ("no_break_space", "crudely\u00a0explode untimely yo-yo proxy zoom"),
    ):
        yield bad("wrong_passphrase", name, "the commitment differs", good_text,
                  passphrase=passphrase)
    for name, user in (("other", "bob"), ("upper_case", "Ana"), ("trailing_space", "ana ")):
        yield bad("wrong_user", name, "the commitment differs; nothing of the user is normalised",
                  good_text, user=user)

    def flip(field, at, bit):
        data = bytearray(record[field])
        data[at] ^= bit
        return changed(**{field: bytes(data)})

    unbound = Derived("bad", PASSPHRASE, USER.encode(), LEAST, bound=False)
    for name, fault in (
        ("salt_changed", flip("salt", 0, 0x80)),
        ("commitment_changed", flip("commitment", 0, 0x80)),
        ("cost_changed", changed(cost=(LEAST[0], LEAST[1] + 1))),
        ("user_not_bound", text(unbound.seal("bad", plaintext))),
    ):
        yield bad("wrong_passphrase", name,
                  "a change to what the key depends on looks like a wrong passphrase", fault)
    again = derived.seal("bad, sealed again", plaintext)["ciphertext"]
    other_aad = derived.aad(record["nonce"]).replace("-v1:", "-v2:")
    for name, comment, fault in (
        ("ciphertext_bit", "the first bit of the ciphertext", flip("ciphertext", 0, 0x80)),
        ("tag_bit", "the last bit of the tag", flip("ciphertext", -1, 1)),
        ("nonce_bit", "the first bit of the nonce", flip("nonce", 0, 0x80)),
        ("other_ciphertext", "the ciphertext of another record with the same key",
         changed(ciphertext=again)),
        ("zeros", "ciphertext and tag are all zeros", changed(ciphertext=bytes(272))),
        ("block_more", "256 zero bytes behind the tag",
         changed(ciphertext=record["ciphertext"] + bytes(256))),
        ("no_associated_data", "sealed with the right key and no associated data",
         text(derived.seal("bad", plaintext, aad=""))),
        ("other_associated_data",
         "sealed with the right key and associated data of another version",
         text(derived.seal("bad", plaintext, aad=other_aad))),
        ("commitment_as_key", "sealed with the second third of Argon2id's output",
         text(derived.seal("bad", plaintext, key=derived.commitment))),
        ("proof_as_key", "sealed with the last third of Argon2id's output",
         text(derived.seal("bad", plaintext, key=derived.proof))),
    ):
        yield bad("damaged", name, comment, fault)
    for kind, name, comment, faulty in payload_faults():
        yield bad(kind, name, comment, text(derived.seal(f"bad: {kind} {name}", faulty)))


def encodings(record, swap):
    salt, nonce, commitment, ciphertext = (b64(record[field]) for field in FIELDS)

    def next_letter(encoded):
        return encoded[:-1] + LETTERS[LETTERS.index(encoded[-1]) + 1]

    padding = "base64url without padding is the only form"
    alphabet = "'-' and '_' take the place of '+' and '/'"
    trailing = "the bits beyond the last byte are not zero"
    alien = "a character outside the alphabet"
    single = "one character beyond a multiple of four encodes no byte"
    for field, fault, comment, old, new in (
        ("salt", "padded", padding, salt, salt + "=="),
        ("commitment", "padded", padding, commitment, commitment + "="),
        ("ciphertext", "padded", padding, ciphertext, ciphertext + "="),
        ("ciphertext", "plus", alphabet, ciphertext, ciphertext.replace("-", "+", 1)),
        ("ciphertext", "slash", alphabet, ciphertext, ciphertext.replace("_", "/", 1)),
        ("salt", "trailing_bits", trailing, salt, next_letter(salt)),
        ("commitment", "trailing_bits", trailing, commitment, next_letter(commitment)),
        ("ciphertext", "trailing_bits", trailing, ciphertext, next_letter(ciphertext)),
        ("nonce", "line_feed", alien, nonce, nonce + "\\n"),
        ("ciphertext", "line_feed", alien, ciphertext, "\\n" + ciphertext),
        ("salt", "space", alien, salt, salt + " "),
        ("salt", "non_ascii", alien, salt, salt[:-1] + "é"),
        ("nonce", "nul", alien, nonce, nonce[:-1] + "\\u0000"),
        ("nonce", "one_more_character", single, nonce, nonce + "A"),
    ):
        yield bad("base64", f"{field}_{fault}", comment, swap(old, new), field)


def json_faults(good_text, swap):
    def fault(name, comment, record):
        return bad("json", name, comment, record)

    array = good_text.replace('{"version":1,"kdf":', "[1,").replace('"}', '"]')
    for field in FIELDS:
        array = array.replace(f'"{field}":', "")
    for name, record in (("empty", ""), ("white_space", " \n"), ("no_json", "passsafe"),
                         ("null", "null"), ("number", "1"), ("string", '"version 1"'),
                         ("empty_object", "{}"), ("array", array)):
        yield fault(name, "the record is an object and nothing else", record)
    kdf = compact(json.loads(good_text)["kdf"])
    yield fault("kdf_array", "kdf is an object too", swap(kdf, '["argon2id",19,19456,1,1]'))
    unknown = "a field that version 1 does not have"
    double = "a field that stands twice, with the same value"
    deep = "[" * 1000 + "]" * 1000
    for name, comment, old, new in (
        ("unknown_field", unknown, '{"version":1', '{"hint":"","version":1'),
        ("unknown_kdf_field", unknown, '"parallelism":1', '"parallelism":1,"lanes":1'),
        ("upper_case_field", unknown, '"salt"', '"Salt"'),
        ("double_version", double, '{"version":1', '{"version":1,"version":1'),
        ("double_nonce", double, '"nonce"', '"nonce":"","nonce"'),
        ("double_kdf", double, '"kdf"', '"kdf":{},"kdf"'),
        ("double_kdf_field", double, '"iterations":1', '"iterations":1,"iterations":1'),
        ("nested_deeply", unknown, '"salt"', f'"hint":{deep},"salt"'),
    ):
        yield fault(name, comment, swap(old, new))
    for field in ("algorithm", "version", "memory_kib", "iterations", "parallelism", "kdf",
                  *FIELDS):
        record = json.loads(good_text)
        del (record["kdf"] if field in record["kdf"] else record)[field]
        name = "kdf_version" if field == "version" else field
        # The order of the fields that are left is that of the alphabet.
        record = json.dumps(record, separators=(",", ":"), sort_keys=True)
        yield fault(f"missing_{name}", "every field is required", record)
    yield fault("missing_version", "every field is required", swap('"version":1,"kdf"', '"kdf"'))
    whole, kind = "numbers are whole, and written so", "a value of another type"
    sign = "numbers are not negative"
    version, passes, memory = '"version":1,', '"iterations":1', '"memory_kib":19456'
    for name, comment, old, new in (
        ("version_float", whole, version, '"version":1.0,'),
        ("version_exponent", whole, version, '"version":1e0,'),
        ("version_negative", sign, version, '"version":-1,'),
        ("version_beyond_64_bits", whole, version, '"version":18446744073709551616,'),
        ("version_leading_zero", whole, version, '"version":01,'),
        ("version_string", kind, version, '"version":"1",'),
        ("version_true", kind, version, '"version":true,'),
        ("iterations_float", whole, passes, '"iterations":1.0'),
        ("iterations_negative", sign, passes, '"iterations":-1'),
        ("iterations_null", kind, passes, '"iterations":null'),
        ("memory_string", kind, memory, '"memory_kib":"19456"'),
        ("memory_exponent", whole, memory, '"memory_kib":1.9456e4'),
        ("algorithm_number", kind, '"argon2id"', "2"),
        ("salt_null", kind, '"salt":', '"salt":null,"was":'),
        ("nonce_array", kind, '"nonce":', '"nonce":[0,0,0],"was":'),
    ):
        yield fault(name, comment, swap(old, new))
    behind = "nothing but white space stands behind the object"
    for name, comment, record in (
        ("trailing_letter", behind, good_text + "x"),
        ("trailing_object", behind, good_text * 2),
        ("trailing_nul", behind, good_text + "\0"),
        ("trailing_comma", "no comma behind the last field", good_text.replace('"}', '",}')),
        ("cut_off", "the closing brace is missing", good_text.rstrip("}")),
        ("byte_order_mark", "JSON has none (RFC 8259, section 8.1)", "\ufeff" + good_text),
        ("comment", "JSON has none", "/* record */" + good_text),
        ("single_quotes", "JSON has double quotes", good_text.replace('"', "'")),
        ("lone_surrogate", "not a character", good_text.replace("argon2id", "\\ud800")),
        ("line_feed_in_string", "control characters are escaped",
         good_text.replace("2id", "2id\n")),
        ("not_utf8", "the byte FF in the ciphertext's string",
         good_text[:-2].encode() + b'\xff"}'),
        ("utf16", "JSON on the wire is UTF-8", good_text.encode("utf-16-be")),
    ):
        yield fault(name, comment, record)


def payload_faults():
    one = entry(b"password", b"S3kr!t")
    plain = pad(one)
    end = 4 + len(one)
    yield ("payload_truncated", "entries", "the entries are one byte longer than the plaintext",
           (253).to_bytes(4, "big") + plain[4:])
    yield ("payload_truncated", "entries_huge", "the entries are 2^32 - 1 bytes long",
           b"\xff" * 4 + plain[4:])
    for name, comment, entries in (
        ("name", "the name ends behind the entries", b"\x09password"),
        ("value_length", "half a length of the value", b"\x08password\0\0"),
        ("value", "the value ends behind the entries", b"\x08password\0\0\0\x07S3kr!t"),
        ("value_huge", "the value is 2^32 - 1 bytes long", b"\x08password\xff\xff\xff\xffS3kr!t"),
    ):
        yield "payload_truncated", name, comment, pad(entries)
    yield "payload_padding", "last_byte", "the last byte is not zero", plain[:255] + b"\1"
    yield ("payload_padding", "first_byte", "the first byte behind the entries is not zero",
           plain[:end] + b"\x80" + plain[end + 1:])
    yield "payload_padding", "excess", "a block more than needed", plain + bytes(256)
    start = "a name starts with a letter or an underscore"
    for name, comment, data in (
        ("empty", "a name has at least one character", b""), ("digit", start, b"9lives"),
        ("hyphen", start, b"-o"), ("space", "a name has no spaces", b"pass word"),
        ("nul", "a name has no control characters", b"password\0"),
        ("non_ascii", "a name is ASCII", "paßwort".encode()),
        ("not_utf8", "a name is ASCII", b"passw\xf6rd"), ("long", "65 characters", b"n" * 65),
    ):
        yield "payload_name", name, comment, pad(entry(data, b"S3kr!t"))
    a, b, upper = entry(b"a", b"1"), entry(b"b", b"2"), entry(b"B", b"3")
    yield "payload_order", "descending", "b before a", pad(b + a)
    yield "payload_order", "by_letter", "a before B: not ascending by byte", pad(a + upper)
    yield "payload_order", "double", "the same name twice", pad(a + a)
    many = b"".join(entry(b"n%04d" % number, b"") for number in range(1025))
    for name, comment, entries in (
        ("no_entries", "at least one entry", b""),
        ("too_many_entries", "1,025 entries", many),
        ("value_too_long", "65,537 bytes in one value", entry(b"password", b"x" * 65537)),
        ("values_too_long", "65,537 bytes in two values",
         entry(b"a", b"x" * 32768) + entry(b"b", b"x" * 32769)),
    ):
        yield "payload_limits", name, comment, pad(entries)


# Tokens: what a seed gives, and what people and programs may write.


def hotp(seed):
    code = hmac.digest(seed, bytes(8), "sha1")
    offset = code[-1] & 15
    return (int.from_bytes(code[offset:offset + 4], "big") & 0x7FFFFFFF) % 1_000_000


def tokens():
    def seed(name, data):
        token = f"{hotp(data):06}"
        return {"name": name, "seed_hex": data.hex(), "lifetimes_minutes": [1, 60, 480],
                "token": token, "grouped": f"{token[:3]} {token[3:]}"}

    def first_below(limit):
        row = (labelled(f"token {number}", 20) for number in range(1_000_000))
        return next(data for data in row if hotp(data) < limit)

    spelled = {"936265": "936265", "936 265": "936265", "936-265": "936265",
               " 9 3-6--2  65- ": "936265", "042265": "042265", "000 000": "000000"}
    refused = ("", " - ", "42265", "9362655", "936.265", "936\t265", "936265\n", "+36265",
               "93626x", "0x93ab", "936\u00a0265", "\uff19\uff13\uff16\uff12\uff16\uff15")
    on_the_wire = (b"936265", b"042265", b"", b"42265", b"9362655", b"936 265", b"936-26",
                   b" 936265", b"93626x", b"93626\xff", b"93626\0")
    return {
        "seeds": [
            seed("RFC 4226, appendix D, count 0", b"12345678901234567890"),
            seed("of a label", labelled("token", 20)),
            seed("leading zero", first_below(100_000)),
            seed("three leading zeros", first_below(1_000)),
        ],
        "typed": [{"typed": typed, "token": spelled.get(typed)} for typed in (*spelled, *refused)],
        "wire": [{"hex": data.hex(), "token": data.decode() if at < 2 else None}
                 for at, data in enumerate(on_the_wire)],
        "integers": [{"integer": number, "token": f"{number:06}" if number < 10**6 else None}
                     for number in (936265, 42265, 0, 999999, 1_000_000, 2**32 - 1)],
    }


def main():
    check = sys.argv[1:] == ["--check"]
    for name, value in (("sealed-v1.json", list(all_good())),
                        ("sealed-v1-bad.json", list(all_bad())), ("token-v1.json", tokens())):
        written = (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
        path = FOLDER / name
        if not check:
            path.write_bytes(written)
        elif not path.exists() or path.read_bytes() != written:
            sys.exit(f"{name} is not what its generator writes: run `cargo xtask vectors`, "
                     "read the diff")


main()
