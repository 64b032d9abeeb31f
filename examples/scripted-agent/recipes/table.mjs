import { currency } from "./currency.mjs"
import { priceDigits } from "./price-digits.mjs"
import { rounding } from "./rounding.mjs"

/** All that the developer knows how to do. */
export const recipes = [rounding, currency, priceDigits]

export const recipeNamed = (name) => recipes.find((recipe) => recipe.name === name)

/** The recipe for an issue, or undefined. */
export const recipeFor = (issue) => recipes.find((recipe) => recipe.matches(issue))
