"""The kinds of the columns of real files as they were brought: units, dates, decimal commas and identifiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import ColumnSchema, infer_schema, open_source

pytestmark = pytest.mark.real_data

KINDS: dict[str, dict[str, str]] = {
    "tabular/beer_sao_paulo": {"Data": "date", "Temperatura Media (C)": "number", "Precipitacao (mm)": "number"},
    "tabular/melbourne_housing": {
        "Date": "date",
        "Suburb": "category",
        "Landsize": "number",
        "CouncilArea": "category",
        "Postcode": "category",
    },
    "tabular/car_details": {
        "mileage": "number",
        "engine": "number",
        "max_power": "number",
        "torque": "category",
        "km_driven": "number",
        "owner": "category",
    },
    "tabular/taxi_cancellation": {
        "row#": "drop",
        "user_id": "drop",
        "vehicle_model_id": "category",
        "from_area_id": "category",
        "from_date": "date",
        "to_date": "date",
        "booking_created": "date",
        "from_lat": "number",
    },
    "tabular/hospitals_us": {
        "Facility.Name": "drop",
        "Facility.State": "category",
        "Rating.Mortality": "category",
        "Procedure.Heart Attack.Cost": "number",
    },
    "tabular/datahackers_survey": {"('P1', 'age')": "number", "('P2', 'gender')": "category"},
    "mixed/netflix_titles": {
        "date_added": "date",
        "duration": "number",
        "release_year": "number",
        "rating": "category",
    },
}


def schema_of(folder: Path) -> dict[str, ColumnSchema]:
    source = open_source(next(path for path in sorted(folder.iterdir()) if ".csv" in path.name))
    return {c.name: c for c in infer_schema(source.frame, decimal_commas=source.decimal_commas)}


@pytest.mark.parametrize("name", KINDS)
def test_columns_are_what_a_person_takes_them_for(name: str, real_data: Path) -> None:
    schema = schema_of(real_data / name)
    assert {column: schema[column].kind for column in KINDS[name]} == KINDS[name]


def test_units_and_the_order_of_dates_are_kept(real_data: Path) -> None:
    cars, houses = (schema_of(real_data / "tabular" / name) for name in ("car_details", "melbourne_housing"))
    assert cars["mileage"].number_format.units == ("kmpl", "km/kg")
    assert cars["max_power"].notes == ('Column "max_power": 1 cell counts as missing: "bhp" in row 4934.',)
    assert houses["Date"].date_format.order == "day-first"
    duration = schema_of(real_data / "mixed/netflix_titles")["duration"]
    assert duration.number_format.units == ("min", "season")
    assert duration.notes == (
        'Column "duration": the numbers are in 2 units, min and season, which are not converted.',
    )
