"""Nothing lost, in backups and their restoration."""

from tests.sabotage.mutation import InText, Mutation, Replace

RULES = "tests/unit/local/test_backup_rules.py"
REAL = "tests/integration/local/test_local_backup.py"
MAJORS = "tests/integration/local/test_local_majors.py"
WHOLE = f"{REAL}::test_what_is_restored_is_what_there_was_at_one_moment_and_an_installation_in_use_is_left_alone"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a lost change of settings that nobody misses",
        "lost",
        "libs/common/account_states.py::_compare_settings",
        Replace("await copy.apply_settings(...)", ""),
        (
            "tests/unit/common/test_account_comparison.py::test_a_change_of_settings_that_was_missed_is_applied_once_a_user",
        ),
    ),
    Mutation(
        "settings that are made good from the wrong beginning",
        "lost",
        "services/sync/handlers/account_states.py::SyncCopy.apply_settings",
        Replace("Preferences(gmail=await accounts.get_preferences(connection, user_id))", "settings.preferences"),
        ("tests/integration/sync/test_sync_accounts.py::test_a_lost_change_of_settings_is_made_good",),
    ),
    Mutation(
        "a backup of several moments",
        "lost",
        "libs/local/backup/dumping.py::dump",
        Replace('f"--snapshot={snapshot}"', '"--no-comments"'),
        (WHOLE,),
    ),
    Mutation(
        "a backup that was not finished and looks whole",
        "lost",
        "libs/local/backup/archive.py::new_archive",
        Replace('draft = file.with_name(f".{file.name}.part")', "draft = file"),
        (f"{RULES}::test_what_was_written_is_read_and_nobody_else_may_read_it",),
    ),
    Mutation(
        "a dump that is another one than was written",
        "lost",
        "libs/local/backup/archive.py::Archive.pieces",
        Replace("raise Unrestorable(self._damaged())", "pass"),
        (f"{RULES}::test_another_dump_than_the_one_it_was_made_with_is_refused",),
    ),
    Mutation(
        "a backup of a newer version that is restored",
        "lost",
        "libs/local/backup/manifest.py::_unknown",
        Replace("set(applied) - set(known.get(service, ()))", "()"),
        (f"{RULES}::test_what_can_not_be_restored_here_has_its_reason_and_what_to_do",),
    ),
    Mutation(
        "tokens that nothing opens any more",
        "lost",
        "libs/local/backup/manifest.py::reasons_against",
        Replace("set(manifest.sealed_with) <= set(here.key_ids)", "True"),
        (f"{RULES}::test_what_can_not_be_restored_here_has_its_reason_and_what_to_do",),
    ),
    Mutation(
        "half of a backup in a database",
        "lost",
        "libs/local/backup/dumping.py::restore",
        Replace('"--single-transaction"', '"--exit-on-error"'),
        (WHOLE,),
    ),
    Mutation(
        "a restoration over what lies in a database",
        "lost",
        "libs/local/backup/restoring.py::_refuse_used",
        Replace("await find_data(connection)", "None"),
        (WHOLE,),
    ),
    Mutation(
        "a restoration under services that run",
        "lost",
        "libs/local/backup/restoring.py::_refuse_used",
        Replace("await list_connected(connection)", "[]"),
        (f"{REAL}::test_a_database_that_services_use_is_left_alone",),
    ),
    Mutation(
        "new data of PostgreSQL that was not made good after a kill",
        "lost",
        "libs/local/servers/majors.py::_is_cut_off",
        Replace("bool(list_kept(folder))", "False"),
        (f"{MAJORS}::test_killed_at_any_moment_it_goes_on_at_the_next_start[renamed]",),
    ),
    Mutation(
        "old data of PostgreSQL that goes before the new has been started twice",
        "lost",
        "libs/local/supervisor.py::Stack._carry_over",
        Replace("majors.list_kept(folder) if is_ours else ()", "majors.list_kept(folder)"),
        (f"{MAJORS}::test_killed_at_any_moment_it_goes_on_at_the_next_start[renamed]",),
    ),
    Mutation(
        "data of a newer PostgreSQL that is begun with",
        "lost",
        "libs/local/servers/majors.py::judge",
        Replace("major > MAJOR", "False"),
        ("tests/unit/local/test_majors.py::test_what_is_done_with_a_folder",),
    ),
    Mutation(
        "integrations that a backup forgets",
        "lost",
        "libs/local/backup/backing_up.py::back_up",
        Replace("{integration.name: integration.metadata() for integration in of.integrations}", "{}"),
        (WHOLE,),
    ),
    Mutation(
        "keys of older backups that a newer one overwrites",
        "lost",
        "libs/local/backup/keys.py::write_keys",
        Replace("joined(keys, earlier)", "keys"),
        (f"{RULES}::test_a_copy_of_the_keys_is_read_again_and_is_ours_alone",),
    ),
    Mutation(
        "keys that are brought along and not used",
        "lost",
        "libs/local/backup/keys.py::joined",
        Replace('_split(first.get(name, "")) + _split(second.get(name, ""))', '_split(second.get(name, ""))'),
        (f"{RULES}::test_brought_keys_come_first_and_the_environments_alone_count_where_it_has_some",),
    ),
    Mutation(
        "all notifications of the last years go",
        "lost",
        "services/gateway/store/notifications.py::delete_before",
        InText("WHERE id < $1 ORDER BY", "WHERE id >= $1 ORDER BY"),
        ("tests/integration/gateway/test_gateway_store.py::test_notifications_are_kept_for_a_year",),
    ),
)
