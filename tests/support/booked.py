"""A customer's book, written purchase by purchase."""

from collections.abc import Iterable

from segmenter.domain.book import Book
from segmenter.domain.rfm import Purchase


def booked(purchases: Iterable[Purchase]) -> Book:
    book = Book()
    for purchase in purchases:
        book.put(purchase)
    return book
