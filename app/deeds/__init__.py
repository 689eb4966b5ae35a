"""What happens when an action is triggered or a panel asks: the only place that knows them all."""

from app.deeds.table import Deeds

__all__ = ["Deeds"]
