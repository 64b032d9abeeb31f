import { Schema } from "effect"

// What a filter checks is not in the tool's JSON Schema, whose dialects differ from model to model; the words are.

const checked = (description: string, expected: string, fits: (text: string) => boolean) =>
  Schema.String.annotate({ description: `${description} (${expected})` }).check(
    Schema.makeFilter((text: string) => fits(text), { expected })
  )

/** A text that says something; forges take so much. */
export const someText = (description: string, longest = 65_536) =>
  checked(description, `a text of 1 to ${longest} characters`, (text) => text.trim() !== "" && text.length <= longest)

/** A text that may say nothing. */
export const anyText = (description: string, longest = 65_536) =>
  checked(description, `a text of at most ${longest} characters`, (text) => text.length <= longest)

/** One line. */
export const oneLine = (description: string, longest: number) =>
  checked(
    description,
    `one line of 1 to ${longest} characters`,
    // eslint-disable-next-line no-control-regex
    (text) => text.trim() !== "" && text.length <= longest && !/[\u0000-\u001f\u007f]/.test(text)
  )

/** A few of the same. */
export const several = <Item extends Schema.Top>(item: Item, description: string) =>
  Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(20)).annotate({ description })

/** An issue or pull request of the same repository. */
export const reference = (description: string) =>
  Schema.Union([Schema.Int.check(Schema.isGreaterThan(0)), Schema.String.check(Schema.isMaxLength(200))]).annotate({
    description
  })
