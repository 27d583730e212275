"""What shops have in stock."""

from gameserver.game import Entity, Field, Index, entity, test

LACKS = test("stock", "<", Field("most"))


@entity(table="shelves", conditions={"lacks": LACKS}, indexes=(Index(("due_ms",), name="due", when="lacks"),))
class Shelf(Entity, frozen=True):
    """How many a shop has of a kind; ``id``: ``shop/kind``. It is there when the first was sold.

    ``due_ms``: when the next one comes.
    """

    id: str
    stock: int
    most: int
    due_ms: int = 0
