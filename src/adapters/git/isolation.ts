/** The environment of every git of ours: no file of a person's, such as .netrc or .gitconfig, has a say, and none asks. */
export const isolated: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_NO_LAZY_FETCH: "1",
  GIT_DEFAULT_REF_FORMAT: "files"
}

/** Settings as the environment gives them to git, so that they are neither on disk nor in arguments. */
export const configEnvironment = (
  settings: ReadonlyArray<readonly [name: string, value: string]>
): Readonly<Record<string, string>> => ({
  GIT_CONFIG_COUNT: String(settings.length),
  ...Object.fromEntries(
    settings.flatMap(([name, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, name],
      [`GIT_CONFIG_VALUE_${index}`, value]
    ])
  )
})
