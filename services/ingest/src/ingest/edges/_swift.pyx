# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Orders of the native API from JSON to the bytes of their facts, with no object in between.

It reads what is right and plainly spelled and gives up on all else; `swift` says what that means.

Memory: the text is a `bytes`, behind which CPython keeps a NUL. No step goes on from a NUL, for none
is legal here outside of a text and inside of one it is refused; so nothing reads past the end.
What is written goes through `put` and `put_all`, which know the end of their buffer.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy

ctypedef const unsigned char* Text

cdef enum:
    MOST_FIELDS = 32
    MOST_NAME = 32
    MOST_ID_CHARS = 128
    MOST_NAME_CHARS = 200
    MOST_LINES = 500
    MOST_LINE = 1536  # bytes of one: 128 and 200 characters of four bytes each, and what is small
    MOST_ORDERS = 500
    SPARE = 256  # bytes: a small order is longer as a message than in JSON
    MOST_QUANTITY = 1_000_000
    MOST_DIGITS = 15
    FIRST_SHOWN = 32  # what stands before are control characters
    DELETE = 127

cdef enum Kind:
    WORD  # the text that says which kind of event it is; not written
    ID
    NAME
    CURRENCY
    COUNTRY
    MINOR
    QUANTITY
    INSTANT
    FLAG
    LINES
    PLACE

KINDS = {
    "word": WORD, "id": ID, "name": NAME, "currency": CURRENCY, "country": COUNTRY, "minor": MINOR,
    "quantity": QUANTITY, "instant": INSTANT, "flag": FLAG, "lines": LINES, "place": PLACE,
}

cdef struct Field:
    char name[MOST_NAME]
    int next_alike  # the next field whose name is as long, or -1
    Kind kind
    int number  # on the wire
    bint passed  # an instant that cannot lie ahead of now

cdef struct Table:
    Field fields[MOST_FIELDS]
    int count
    int by_length[MOST_NAME + 1]  # the first field with a name of that length, or -1
    uint64_t required
    bint nullable  # what is not required may be null, and is written even if it is zero

cdef struct Got:
    int64_t number
    Text begin
    Py_ssize_t size

cdef struct Sink:
    unsigned char* at
    unsigned char* end


cdef inline bint put(Sink* sink, int byte) noexcept nogil:
    if sink.at >= sink.end:
        return False
    sink.at[0] = byte
    sink.at += 1
    return True


cdef inline bint put_all(Sink* sink, Text begin, Py_ssize_t size) noexcept nogil:
    if sink.end - sink.at < size:
        return False
    memcpy(sink.at, begin, size)
    sink.at += size
    return True


cdef inline bint put_varint(Sink* sink, uint64_t value) noexcept nogil:
    while value >= 0x80:
        if not put(sink, (value & 0x7F) | 0x80):
            return False
        value >>= 7
    return put(sink, value)


cdef inline bint put_sized(Sink* sink, int number, Text begin, Py_ssize_t size) noexcept nogil:
    return put_varint(sink, number << 3 | 2) and put_varint(sink, size) and put_all(sink, begin, size)


cdef inline Text blank(Text s) noexcept nogil:
    while s[0] == c' ' or s[0] == c'\n' or s[0] == c'\r' or s[0] == c'\t':
        s += 1
    return s


cdef inline bint digit(unsigned char c) noexcept nogil:
    return c'0' <= c <= c'9'


cdef inline int two(Text s) noexcept nogil:
    """Return the number of two digits, or -1."""
    return (s[0] - c'0') * 10 + s[1] - c'0' if digit(s[0]) and digit(s[1]) else -1


cdef inline bint goes_on(unsigned char c) noexcept nogil:
    return c & 0xC0 == 0x80


cdef bint is_utf8(Text s, Text end) noexcept nogil:
    """Tell whether it is UTF-8 (RFC 3629, section 4); what stands at *end* goes on from nothing."""
    cdef unsigned char c
    while s < end:
        c = s[0]
        if c < 0x80:
            s += 1
        elif 0xC2 <= c <= 0xDF and goes_on(s[1]):
            s += 2
        elif (
            c & 0xF0 == 0xE0 and goes_on(s[1]) and goes_on(s[2])
            and (c != 0xE0 or s[1] >= 0xA0) and (c != 0xED or s[1] < 0xA0)
        ):
            s += 3
        elif (
            0xF0 <= c <= 0xF4 and goes_on(s[1]) and goes_on(s[2]) and goes_on(s[3])
            and (c != 0xF0 or s[1] >= 0x90) and (c != 0xF4 or s[1] < 0x90)
        ):
            s += 4
        else:
            return False
    return True


cdef Text read_text(Text s, Got* got, int most_chars) noexcept nogil:
    """Read a text without escapes of at most *most_chars* characters."""
    cdef int chars = 0
    cdef unsigned char c, high = 0
    if s[0] != c'"':
        return NULL
    s += 1
    got.begin = s
    while True:
        c = s[0]
        if c == c'"':
            break
        if c < FIRST_SHOWN or c == c'\\' or c == DELETE:
            return NULL
        high |= c
        chars += not goes_on(c)
        s += 1
    if chars > most_chars or (high >= 0x80 and not is_utf8(got.begin, s)):
        return NULL
    got.size = s - got.begin
    return s + 1


cdef Text read_integer(Text s, Got* got) noexcept nogil:
    """Read a number that is no more than digits; what follows says whether it ended."""
    cdef int length = 0
    got.number = 0
    if s[0] == c'0' and digit(s[1]):
        return NULL
    while digit(s[0]):
        got.number = got.number * 10 + s[0] - c'0'
        s += 1
        length += 1
        if length > MOST_DIGITS:
            return NULL
    return s if length else NULL


cdef inline int64_t days_before(int year, int month, int day) noexcept nogil:
    """Return days since 1970 in the Gregorian calendar; the year begins in March here."""
    cdef int from_march = (month + 9) % 12
    cdef int64_t y = year - (month <= 2)
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * from_march + 2) // 5 + day - 1 - 719468


cdef inline int days_in(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef Text read_instant(Text s, Got* got, int64_t earliest, int64_t latest) noexcept nogil:
    """Read an RFC 3339 time in capitals with at most six decimals."""
    cdef int year, month, day, hour, minute, second, scale = 100_000, micros = 0, offset = 0, sign = 0
    if s[0] != c'"':
        return NULL
    s += 1
    if two(s) < 0 or two(s + 2) < 0 or s[4] != c'-':
        return NULL
    year = two(s) * 100 + two(s + 2)
    month = two(s + 5)
    if not 1 <= month <= 12 or s[7] != c'-':
        return NULL
    day = two(s + 8)
    if not 1 <= day <= days_in(year, month) or s[10] != c'T':
        return NULL
    hour = two(s + 11)
    if not 0 <= hour <= 23 or s[13] != c':':
        return NULL
    minute = two(s + 14)
    if not 0 <= minute <= 59 or s[16] != c':':
        return NULL
    second = two(s + 17)
    if not 0 <= second <= 59:
        return NULL
    s += 19
    if s[0] == c'.':
        s += 1
        if not digit(s[0]):
            return NULL
        while digit(s[0]):
            if scale == 0:
                return NULL
            micros += (s[0] - c'0') * scale
            scale //= 10
            s += 1
    if s[0] == c'Z':
        s += 1
    elif s[0] == c'+' or s[0] == c'-':
        sign = 1 if s[0] == c'+' else -1
        if not 0 <= two(s + 1) <= 23 or s[3] != c':' or not 0 <= two(s + 4) <= 59:
            return NULL
        offset = sign * (two(s + 1) * 60 + two(s + 4))
        s += 6
    else:
        return NULL
    got.number = days_before(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second
    got.number = (got.number - offset * 60) * 1_000_000 + micros
    if s[0] != c'"' or not earliest <= got.number < latest:
        return NULL
    return s + 1


cdef inline Text past(Text s, const char* word) noexcept nogil:
    """Return what comes behind *word*, or NULL if something else is there."""
    while word[0]:
        if s[0] != word[0]:
            return NULL
        s += 1
        word += 1
    return s


cdef inline Text read_flag(Text s, Got* got) noexcept nogil:
    got.number = s[0] == c't'
    return past(s, b"true") if got.number else past(s, b"false")


cdef inline int find(const Table* table, Text begin, Py_ssize_t length) noexcept nogil:
    """Return which field has this name, or -1."""
    cdef int number = table.by_length[length] if length <= MOST_NAME else -1
    while number >= 0 and memcmp(table.fields[number].name, begin, length):
        number = table.fields[number].next_alike
    return number


cdef bint write(const Table* table, const Got* got, uint64_t given, Sink* sink) noexcept nogil:
    """Write what is given of a message, in the order of its numbers."""
    cdef int number
    cdef const Field* field
    for number in range(table.count):
        field = &table.fields[number]
        if not given >> number & 1 or field.kind == WORD:
            continue
        if field.kind == MINOR or field.kind == QUANTITY or field.kind == INSTANT or field.kind == FLAG:
            if not got[number].number and not table.nullable:
                continue
            if not put_varint(sink, field.number << 3) or not put_varint(sink, got[number].number):
                return False
        elif got[number].size or table.nullable:
            if not put_sized(sink, field.number, got[number].begin, got[number].size):
                return False
    return True


cdef void load(Table* table, object rows, bint nullable) except *:
    """Fill *table* with rows of (name, kind, number on the wire, required, passed), as they are written."""
    table.count = 0
    table.required = 0
    table.nullable = nullable
    cdef int length
    for length in range(MOST_NAME + 1):
        table.by_length[length] = -1
    if len(rows) > MOST_FIELDS:
        raise ValueError("more fields than there is room for")
    for name, kind, number, required, passed in rows:
        spelled = name.encode()
        if len(spelled) > MOST_NAME:
            raise ValueError(f"{name} is longer than there is room for")
        memcpy(table.fields[table.count].name, <char*>spelled, len(spelled))
        table.fields[table.count].next_alike = table.by_length[len(spelled)]
        table.by_length[len(spelled)] = table.count
        table.fields[table.count].kind = KINDS[kind]
        table.fields[table.count].number = number
        table.fields[table.count].passed = passed
        if required:
            table.required |= <uint64_t>1 << table.count
        table.count += 1


cdef class Reader:
    """Made once, of what is known of the fields of an order, its lines and its place."""

    cdef Table order, line, place
    cdef int items  # the wire's number of a line in the message of lines
    cdef int customer  # where it is in a table
    cdef int64_t earliest, latest, most_minor
    cdef char currencies[26 * 26 * 26]
    cdef char countries[26 * 26]
    cdef unsigned char* room  # what is written while a body is read; kept, for to get it is dear
    cdef Py_ssize_t room_size

    def __cinit__(
        self, order, line, place, int items, currencies, countries,
        int64_t earliest_us, int64_t latest_us, int64_t most_minor,
    ):
        load(&self.order, order, True)
        load(&self.line, line, False)
        load(&self.place, place, False)
        self.items = items
        self.customer = [row[0] for row in order].index("customer_id")
        self.earliest, self.latest, self.most_minor = earliest_us, latest_us, most_minor
        for code in currencies:
            a, b, c = (ord(letter) - 65 for letter in code)
            self.currencies[(a * 26 + b) * 26 + c] = 1
        for code in countries:
            a, b = (ord(letter) - 65 for letter in code)
            self.countries[a * 26 + b] = 1

    def __dealloc__(self):
        PyMem_Free(self.room)

    cdef int make_room(self, Py_ssize_t size) except -1:
        cdef unsigned char* room
        if size > self.room_size:
            room = <unsigned char*>PyMem_Realloc(self.room, size)
            if room == NULL:
                raise MemoryError
            self.room, self.room_size = room, size
        return 0

    def read(self, bytes raw not None, bint many):
        """Return the orders of a batch, if *many*, or a single one; None if it is not for us.

        Each is (customer id, the fact's bytes without its shop, its newest instant in UTC
        microseconds of those that cannot lie ahead of now).
        """
        cdef Py_ssize_t size = PyBytes_GET_SIZE(raw)
        cdef Text begin = <Text>PyBytes_AS_STRING(raw)
        cdef Text s = begin
        self.make_room(2 * size + SPARE)
        if many:
            s = past(s, b'{"events":')
            s = NULL if s == NULL else past(blank(s), b"[")
            if s == NULL:
                return None
            s = blank(s)
        orders = []
        while True:
            s = self.one(s, self.room + size, orders)
            if s == NULL:
                return None
            s = blank(s)
            if not many or s[0] != c',' or len(orders) == MOST_ORDERS:
                break
            s = blank(s + 1)
        if many:
            s = past(s, b"]")
            s = NULL if s == NULL else past(blank(s), b"}")
            if s == NULL:
                return None
            s = blank(s)
        if s != begin + size:
            return None
        return orders

    cdef Text one(self, Text s, unsigned char* middle, list orders) except? NULL:
        """Read one order and add it to *orders*: nested messages in front of *middle*, it behind."""
        cdef Got got[MOST_FIELDS]
        cdef uint64_t given = 0
        cdef Sink nested
        cdef Sink whole
        cdef int64_t newest = 0
        cdef int number
        nested.at, nested.end = self.room, middle
        whole.at, whole.end = middle, self.room + self.room_size
        s = self.read_object(s, &self.order, got, &given, &nested)
        if s == NULL or not write(&self.order, got, given, &whole):
            return NULL
        for number in range(self.order.count):
            if given >> number & 1 and self.order.fields[number].passed:
                newest = max(newest, got[number].number)
        orders.append((
            PyBytes_FromStringAndSize(<char*>got[self.customer].begin, got[self.customer].size),
            PyBytes_FromStringAndSize(<char*>middle, whole.at - middle),
            newest,
        ))
        return s

    cdef Text read_object(
        self, Text s, const Table* table, Got* got, uint64_t* given, Sink* nested
    ) noexcept nogil:
        """Read an object's values into *got*, by field, and note which are *given*."""
        cdef uint64_t seen = 0, bit
        cdef int number
        cdef Text name
        if s[0] != c'{':
            return NULL
        s = blank(s + 1)
        while True:
            if s[0] != c'"':
                return NULL
            name = s + 1
            s = name
            while s[0] != c'"':
                if s[0] < FIRST_SHOWN or s[0] == c'\\' or s[0] >= DELETE:
                    return NULL
                s += 1
            number = find(table, name, s - name)
            if number < 0:
                return NULL
            bit = <uint64_t>1 << number
            if seen & bit:
                return NULL
            seen |= bit
            s = blank(s + 1)
            if s[0] != c':':
                return NULL
            s = blank(s + 1)
            if s[0] == c'n':
                s = past(s, b"null") if table.nullable and not table.required & bit else NULL
            else:
                s = self.read_value(s, &table.fields[number], &got[number], nested)
                given[0] |= bit
            if s == NULL:
                return NULL
            s = blank(s)
            if s[0] == c'}':
                break
            if s[0] != c',':
                return NULL
            s = blank(s + 1)
        return s + 1 if given[0] & table.required == table.required else NULL

    cdef Text read_value(
        self, Text s, const Field* field, Got* got, Sink* nested
    ) noexcept nogil:
        cdef Kind kind = field.kind
        if kind == ID:
            s = read_text(s, got, MOST_ID_CHARS)
            return NULL if s == NULL or got.size == 0 else s
        if kind == NAME:
            return read_text(s, got, MOST_NAME_CHARS)
        if kind == INSTANT:
            return read_instant(s, got, self.earliest, self.latest)
        if kind == MINOR:
            s = read_integer(s, got)
            return NULL if s == NULL or got.number > self.most_minor else s
        if kind == QUANTITY:
            s = read_integer(s, got)
            return NULL if s == NULL or not 1 <= got.number <= MOST_QUANTITY else s
        if kind == FLAG:
            return read_flag(s, got)
        if kind == LINES:
            return self.read_lines(s, got, nested)
        if kind == PLACE:
            return self.read_nested(s, &self.place, got, nested)
        s = read_text(s, got, MOST_NAME_CHARS)
        if s == NULL:
            return NULL
        if kind == WORD:
            return s if got.size == 5 and not memcmp(got.begin, b"order", 5) else NULL
        return s if self.is_code(got, 3 if kind == CURRENCY else 2) else NULL

    cdef bint is_code(self, const Got* got, int letters) noexcept nogil:
        """Tell whether it is a known currency, of three letters, or a country, of two."""
        cdef int place = 0, number
        if got.size != letters:
            return False
        for number in range(letters):
            if not c'A' <= got.begin[number] <= c'Z':
                return False
            place = place * 26 + got.begin[number] - c'A'
        return self.currencies[place] if letters == 3 else self.countries[place]

    cdef Text read_nested(
        self, Text s, const Table* table, Got* got, Sink* nested
    ) noexcept nogil:
        cdef Got inner[MOST_FIELDS]
        cdef uint64_t given = 0
        got.begin = nested.at
        s = self.read_object(s, table, inner, &given, nested)
        if s == NULL or not write(table, inner, given, nested):
            return NULL
        got.size = nested.at - got.begin
        return s

    cdef Text read_lines(self, Text s, Got* got, Sink* nested) noexcept nogil:
        """Read a list of lines into a message whose only field they are."""
        cdef Got inner[MOST_FIELDS]
        cdef uint64_t given
        cdef unsigned char spare[MOST_LINE]
        cdef Sink line
        cdef int count = 0
        got.begin = nested.at
        if s[0] != c'[':
            return NULL
        s = blank(s + 1)
        if s[0] == c']':
            got.size = 0
            return s + 1
        while True:
            given = 0
            line.at, line.end = spare, spare + MOST_LINE
            s = self.read_object(s, &self.line, inner, &given, nested)
            count += 1
            if s == NULL or count > MOST_LINES or not write(&self.line, inner, given, &line):
                return NULL
            if not put_sized(nested, self.items, spare, line.at - spare):
                return NULL
            s = blank(s)
            if s[0] == c']':
                break
            if s[0] != c',':
                return NULL
            s = blank(s + 1)
        got.size = nested.at - got.begin
        return s + 1
