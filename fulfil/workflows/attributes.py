"""Search attributes: what ops can filter workflows by. Each upsert is an event and a billable action: batch them."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

ORDER_ID = SearchAttributeKey.for_keyword("OrderId")
ORDER_STATE = SearchAttributeKey.for_keyword("OrderState")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
DEADLINE = SearchAttributeKey.for_datetime("Deadline")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
PROVIDER_IDS = SearchAttributeKey.for_keyword_list("ProviderIds")
TROUBLE = SearchAttributeKey.for_keyword("Trouble")
STUCK_STEP = SearchAttributeKey.for_keyword("StuckStep")
STUCK_SINCE = SearchAttributeKey.for_datetime("StuckSince")

# Name to type, as `temporal operator search-attribute create` spells it.
SEARCH_ATTRIBUTES = {
    "OrderId": "Keyword",
    "OrderState": "Keyword",
    "WaitingOn": "Keyword",
    "Deadline": "Datetime",
    "CustomerId": "Keyword",
    "ProviderIds": "KeywordList",
    "Trouble": "Keyword",
    "StuckStep": "Keyword",
    "StuckSince": "Datetime",
}


def upsert(*updates: SearchAttributeUpdate[Any]) -> None:
    """One event and one action for the whole batch."""
    workflow.upsert_search_attributes(list(updates))
