"""Documents: each party sees and downloads her own, always the same bytes."""

from datetime import timedelta

import pytest

from fulfil.kit.clock import utc_now
from fulfil.models.ids import new_id
from fulfil.models.messages.documents import DocumentKind
from fulfil.models.messages.jobs import JobState, OfferState
from tests.api.papers import add_document
from tests.api.running import Api
from tests.api.world import Person, Sale, World
from tests.documents.reading import unspaced


@pytest.fixture
async def sale(world: World, customer: Person, provider: Person) -> Sale:
    """An order of Ada's that the provider makes."""
    return await world.sale(customer, provider, job=JobState.ACCEPTED, offer=OfferState.ACCEPTED)


async def test_customer_provider_and_support_see_their_documents_of_an_order(
    api: Api, world: World, sale: Sale, customer: Person, provider: Person, supporter: Person
) -> None:
    earlier = utc_now() - timedelta(days=1)
    statement = await add_document(world, sale.order_id, provider.owner_id, kind=DocumentKind.SELF_BILLING)
    invoice = await add_document(world, sale.order_id, customer.owner_id, at=earlier)

    async def seen_by(person: Person) -> list[str]:
        answer = await api.get(f"/orders/{sale.order_id}/documents", person)
        assert answer.status_code == 200
        return [document["id"] for document in answer.json()["data"]]

    assert await seen_by(customer) == [invoice]
    assert await seen_by(provider) == [statement]
    assert await seen_by(supporter) == [invoice, statement]


async def test_an_order_of_somebody_else_has_no_documents_to_show(
    api: Api, world: World, sale: Sale, customer: Person, stranger: Person, rival: Person
) -> None:
    await add_document(world, sale.order_id, customer.owner_id)

    answers = [await api.get(f"/orders/{sale.order_id}/documents", person) for person in (stranger, rival)]
    unknown = await api.get(f"/orders/{new_id('ord')}/documents", customer)

    assert [answer.status_code for answer in (*answers, unknown)] == [404, 404, 404]


async def test_a_provider_who_lost_the_job_keeps_her_statements(
    api: Api, world: World, sale: Sale, rival: Person
) -> None:
    statement = await add_document(world, sale.order_id, rival.owner_id, kind=DocumentKind.SELF_BILLING)

    answer = await api.get(f"/orders/{sale.order_id}/documents", rival)

    assert [document["id"] for document in answer.json()["data"]] == [statement]


async def test_a_document_says_what_it_says_and_where_its_page_is(
    api: Api, world: World, sale: Sale, customer: Person
) -> None:
    document_id = await add_document(world, sale.order_id, customer.owner_id)

    document = (await api.get(f"/documents/{document_id}", customer)).json()

    assert (document["number"], document["kind"], document["refers_to"]) == ("INV-2026-000001", "invoice", None)
    assert document["total"] == {"amount_minor": 1299, "currency": "eur"}
    assert document["content"]["lines"][0]["description"] == "bracket.stl: filament printing in PLA"
    assert document["content"]["taxes"][0]["tax_minor"] == 207
    assert document["pdf"] == f"/api/v1/documents/{document_id}/pdf"


@pytest.mark.parametrize(
    ("currency", "shown"), [("eur", "129.90EURpaid"), ("jpy", "12,990JPYpaid"), ("kwd", "12.990KWDpaid")]
)
async def test_the_page_is_a_pdf_in_the_currency_of_the_order(
    api: Api, world: World, sale: Sale, customer: Person, currency: str, shown: str
) -> None:
    document_id = await add_document(world, sale.order_id, customer.owner_id, amount_minor=12_990, currency=currency)

    answer = await api.get(f"/documents/{document_id}/pdf", customer)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="INV-2026-000001.pdf"'
    assert shown in unspaced(answer.content)


async def test_a_page_one_has_is_not_sent_again_and_is_the_same_each_time(
    api: Api, world: World, sale: Sale, customer: Person
) -> None:
    document_id = await add_document(world, sale.order_id, customer.owner_id)
    sha256 = (await api.get(f"/documents/{document_id}", customer)).json()["sha256"]

    first, second = [await api.get(f"/documents/{document_id}/pdf", customer) for _ in range(2)]
    had = await api.get(
        f"/documents/{document_id}/pdf", customer, headers={"If-None-Match": f'"other", {first.headers["etag"]}'}
    )

    assert first.headers["etag"] == f'"{sha256}"'
    assert first.content == second.content
    assert (had.status_code, had.content) == (304, b"")


async def test_a_document_of_somebody_else_is_not_found(
    api: Api, world: World, sale: Sale, customer: Person, provider: Person, stranger: Person, supporter: Person
) -> None:
    document_id = await add_document(world, sale.order_id, customer.owner_id)

    for path in (f"/documents/{document_id}", f"/documents/{document_id}/pdf"):
        statuses = [(await api.get(path, person)).status_code for person in (stranger, provider, supporter)]
        assert statuses == [404, 404, 200], path


async def test_documents_are_listed_by_page_newest_first(
    api: Api, world: World, sale: Sale, provider: Person, customer: Person, supporter: Person
) -> None:
    now = utc_now()
    made = [
        await add_document(
            world,
            sale.order_id,
            provider.owner_id,
            kind=DocumentKind.SELF_BILLING,
            sequence=n,
            at=now - timedelta(days=n),
        )
        for n in (1, 2, 3)
    ]
    await add_document(world, sale.order_id, customer.owner_id)

    for path, person in (
        (f"/providers/{provider.owner_id}/documents", provider),
        (f"/providers/{provider.owner_id}/documents", supporter),
        ("/documents", provider),
    ):
        first = (await api.get(f"{path}?limit=2", person)).json()
        rest = (await api.get(f"{path}?limit=2&starting_after={made[1]}", person)).json()
        assert ([each["id"] for each in first["data"]], first["has_more"]) == (made[:2], True)
        assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (made[2:], False)
    assert len((await api.get("/documents", supporter)).json()["data"]) == 4


async def test_a_provider_does_not_list_anothers_statements_and_a_customer_none(
    api: Api, provider: Person, rival: Person, customer: Person
) -> None:
    path = f"/providers/{provider.owner_id}/documents"

    assert (await api.get(path, rival)).status_code == 404
    assert (await api.get(path, customer)).status_code == 403
    assert (await api.get(path)).status_code == 401
