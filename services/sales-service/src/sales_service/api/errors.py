"""What the service refuses, as problem details that name field and cure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from klokwerk.http import FieldProblem, Problem
from klokwerk.http.problems import not_found
from klokwerk.outbox import EventTooLarge

from sales_service.api.context import fault_problems, gap_problem
from sales_service.api.day_changes import refuse
from sales_service.domain.invoices import InvoiceProblem
from sales_service.entry.entering import LinesRefused
from sales_service.invoicing import AlreadyFinal, DistributionIncomplete, NotThere, Refused
from sales_service.selling import KeptElsewhere, TooManyLines


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn every refusal of the service into its answer."""
    try:
        yield
    except KeptElsewhere as error:
        raise Problem(
            409,
            "This sale is kept by another system",
            f"{error}.",
            errors=[
                FieldProblem(
                    field="source",
                    message=str(error),
                    cure=f"correct it in {error.row.source}; it comes in here by itself",
                )
            ],
        ) from error
    except LinesRefused as error:
        refuse(error.problems, status=409 if error.only_existing else 422)
    except TooManyLines as error:
        raise Problem(
            422,
            "The distribution has too many lines",
            f"{error}.",
            errors=[FieldProblem(field="lines", message=str(error), cure="put equal lines together")],
        ) from error
    except EventTooLarge as error:
        raise Problem(
            422,
            "The distribution is too large for one event",
            str(error),
            errors=[FieldProblem(field="lines", message=str(error), cure="put equal lines together")],
        ) from error
    except InvoiceProblem as error:
        raise Problem(
            422,
            "The document can't be issued like this",
            "See errors for each field.",
            errors=fault_problems(error.faults),
        ) from error
    except DistributionIncomplete as error:
        raise Problem(
            409,
            "The distribution is not complete",
            f"{error}; it can be invoiced once nothing is missing.",
            errors=[gap_problem(gap) for gap in error.gaps],
        ) from error
    except AlreadyFinal as error:
        raise Problem(
            409,
            "An issued document never changes",
            f"{error}.",
            errors=[
                FieldProblem(
                    field="state",
                    message=str(error),
                    cure="make a credit note, then a new invoice with the right data",
                )
            ],
        ) from error
    except Refused as error:
        raise Problem(
            409, "This is not possible now", f"{error}.", errors=fault_problems([error.fault])
        ) from error
    except NotThere as error:
        raise not_found("invoice", error) from error
