"""How the commands for a reader are found in a page."""

from pipeline.documents.pages.typed import MENTIONS, TypedCommand, by_hand, mentioned

PAGE = """# Page

Say `vercel ls` or `vercel.json`, or `FOO="$BAR" npx prisma migrate deploy`; the tool is `vercel`.

## Site Down

1. Look:
   ```sh
   vercel inspect $DOMAIN      # who serves
   curl -sS $A \\
     | jq .
   ```

| when | then |
| --- | --- |
| slow | `curl $A \\| jq .` |

```sql
select 1
```
"""


def test_commands_are_found_in_blocks_lines_and_tables_as_they_are_pasted() -> None:
    assert by_hand({"page.md": PAGE}) == (
        TypedCommand("page.md", "Page", "vercel ls"),
        TypedCommand("page.md", "Page", 'FOO="$BAR" npx prisma migrate deploy'),
        TypedCommand("page.md", "Site Down", "curl -sS $A | jq ."),
        TypedCommand("page.md", "Site Down", "vercel inspect $DOMAIN"),
        TypedCommand("page.md", "Site Down", "curl $A | jq ."),
    )
    assert mentioned({"page.md": PAGE}) == {"vercel"}


def test_a_list_of_all_commands_is_no_instruction() -> None:
    assert by_hand({"reference.md": "# Reference\n\n## Commands\n\n| `./inv status` | what is live |\n"}) == ()


def test_why_a_mention_is_no_command_is_said() -> None:
    assert all(MENTIONS.values())
