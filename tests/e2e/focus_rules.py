"""The rules of FOCUS 1.2 (FinOps Open Cost and Usage Specification, May 2025) on presence, null and format that apply to a bill
for tokens, re-told from the specification's columns and attributes. check(header, rows) -> the rules that are broken."""
import json
import re
from fractions import Fraction

MANDATORY = ["BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
             "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
             "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
             "ServiceCategory", "ServiceName"]
# Present where a provider measures usage, has unit prices and price lists, sub accounts, regions, tags: all of it here.
CONDITIONAL = ["ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory", "RegionId", "RegionName",
               "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags"]
RECOMMENDED = ["ChargeFrequency", "ServiceSubcategory"]
OF_1_3 = ["HostProviderName", "ServiceProviderName"]

NULLABLE = ["BillingAccountName", "ChargeClass", "ChargeDescription", "RegionId", "RegionName", "SkuMeter", "SkuPriceDetails",
            "SubAccountId", "SubAccountName", "Tags"]
DECIMALS = ["BilledCost", "ConsumedQuantity", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "ListCost", "ListUnitPrice",
            "PricingQuantity"]
NOT_NEGATIVE = ["ContractedUnitPrice", "ListUnitPrice"]
MOMENTS = ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"]
UNITS = ["ConsumedUnit", "PricingUnit"]
VALUES = {"ChargeCategory": ["Usage", "Purchase", "Tax", "Credit", "Adjustment"], "ChargeClass": ["", "Correction"],
          "ChargeFrequency": ["One-Time", "Recurring", "Usage-Based"], "PricingCategory": ["Standard", "Dynamic", "Committed", "Other"],
          "ServiceCategory": ["AI and Machine Learning"],
          "ServiceSubcategory": ["AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing",
                                 "Other (AI and Machine Learning)"]}
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(E-?\d+)?")
MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
UNIT = re.compile(r"([1-9]\d* )?[A-Z][A-Za-z]*([-/ ][A-Z][A-Za-z]*)*")
STANDARD = MANDATORY + CONDITIONAL + RECOMMENDED + OF_1_3


def flat_object(text):
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or any(isinstance(item, (dict, list)) for item in value.values()):
        return None
    return value


def check_header(header):
    for name in MANDATORY + CONDITIONAL:
        if name not in header:
            yield f"{name} is present"
    for name in header:
        if name not in STANDARD and not name.startswith("x_"):
            yield f"{name} is a column of the specification, or begins with x_"
        if not re.fullmatch(r"(x_)?[A-Z][A-Za-z0-9]*", name):
            yield f"{name} is in Pascal case"
    if len(set(header)) != len(header):
        yield "no column stands twice"
    own = [name.startswith("x_") for name in header]
    if own != sorted(own):
        yield "own columns stand last"


def check_formats(row):
    for name in STANDARD:
        value = row.get(name, "")
        if value == "":
            if name in row and name not in NULLABLE:
                yield f"{name} is not null"
            continue
        if value != value.strip() or value.upper() in ("NULL", "N/A", "NONE"):
            yield f"{name}: null is nothing, and no word for it"
        if name in DECIMALS and not NUMBER.fullmatch(value):
            yield f"{name} is a decimal"
        if name in MOMENTS and not MOMENT.fullmatch(value):
            yield f"{name} is a moment in UTC"
        if name in UNITS and not UNIT.fullmatch(value):
            yield f"{name} is a unit"
        if name in VALUES and value not in VALUES[name]:
            yield f"{name} has one of its values"
        if name in NOT_NEGATIVE and NUMBER.fullmatch(value) and Fraction(value) < 0:
            yield f"{name} is not negative"
    if not re.fullmatch(r"[A-Z]{3}", row.get("BillingCurrency", "")):
        yield "BillingCurrency is a code of ISO 4217"


def check_meaning(row):
    if not row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]:
        yield "a charge lies within its billing period, ends excluded"
    if row["ChargeCategory"] == "Usage" and not Fraction(row["ConsumedQuantity"]) > 0:
        yield "ConsumedQuantity of usage is positive"
    for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
        if row["ChargeClass"] != "Correction" and Fraction(row[price]) * Fraction(row["PricingQuantity"]) != Fraction(row[cost]):
            yield f"{cost} is {price} times PricingQuantity"
    for one, other in (("SubAccountId", "SubAccountName"), ("RegionId", "RegionName")):
        if (row[one] == "") != (row[other] == ""):
            yield f"{one} and {other} are both null or neither"
    if row["SkuMeter"] != "" and row["SkuId"] == "":
        yield "SkuMeter is null where SkuId is"
    if row["Tags"] != "" and flat_object(row["Tags"]) is None:
        yield "Tags are one flat object"
    if row["SkuPriceDetails"] != "":
        details = flat_object(row["SkuPriceDetails"])
        if details is None:
            yield "SkuPriceDetails are one flat object"
        elif not all(key.startswith("x_") for key in details):
            yield "SkuPriceDetails: own keys begin with x_"


def check_together(rows):
    parents, meters, details = {}, {}, {}
    for row in rows:
        if parents.setdefault(row["SkuPriceId"], row["SkuId"]) != row["SkuId"]:
            yield "a SkuPriceId has one SkuId"
        if meters.setdefault(row["SkuPriceId"], row["SkuMeter"]) != row["SkuMeter"]:
            yield "a SkuPriceId has one SkuMeter"
        if details.setdefault(row["SkuPriceId"], row["SkuPriceDetails"]) != row["SkuPriceDetails"]:
            yield "all charges of a SkuPriceId share its SkuPriceDetails"


def check(header, rows):
    broken = list(check_header(header))
    if broken:
        return broken
    for row in rows:
        formats = list(check_formats(row))
        broken += formats if formats else check_meaning(row)
    return sorted(set(broken) | set(check_together(rows)))
