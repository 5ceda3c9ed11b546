/* The schema: every step it ever took. */
#include "server/store/store_priv.h"

#include <stdio.h>

/* The schema, step by step: a store at PRAGMA user_version n has seen the first n of these. */
static const char *const migrations[] = {
	"CREATE TABLE users ("
	" name TEXT PRIMARY KEY,"
	" role TEXT NOT NULL CHECK (role IN ('officer', 'operator', 'auditor', 'viewer')),"
	" hash TEXT NOT NULL) STRICT;"

	"CREATE TABLE cluster ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" name TEXT NOT NULL) STRICT;"

	"CREATE TABLE nodes ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" ip TEXT NOT NULL,"
	" first INTEGER NOT NULL CHECK (first IN (0, 1)),"
	" self INTEGER NOT NULL CHECK (self IN (0, 1))) STRICT;"
	"CREATE UNIQUE INDEX one_first_node ON nodes (first) WHERE first;"
	"CREATE UNIQUE INDEX one_self_node ON nodes (self) WHERE self;"

	"CREATE TABLE certs ("
	" node INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" role TEXT NOT NULL,"
	" der BLOB NOT NULL,"
	" PRIMARY KEY (node, position)) STRICT;"

	"CREATE TABLE ctl ("
	" generation INTEGER PRIMARY KEY CHECK (generation > 0),"
	" time INTEGER NOT NULL,"
	" user TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" mixed INTEGER NOT NULL CHECK (mixed IN (0, 1)),"
	" signer_subject TEXT NOT NULL,"
	" signer_issuer TEXT NOT NULL,"
	" signer_serial TEXT NOT NULL,"
	" sha256 BLOB NOT NULL CHECK (length(sha256) = 32),"
	" file BLOB NOT NULL,"
	" difference BLOB NOT NULL) STRICT;"

	"CREATE TABLE dist ("
	" node INTEGER PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,"
	" generation INTEGER NOT NULL,"
	" state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),"
	" time INTEGER NOT NULL,"
	" detail TEXT NOT NULL) STRICT;"

	"CREATE TABLE active ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" generation INTEGER NOT NULL,"
	" mixed INTEGER NOT NULL CHECK (mixed IN (0, 1)),"
	" file BLOB NOT NULL) STRICT;",

	/* Several nodes. The description's revision counts every change of nodes and certificates,
	 * by whomever; described is what this node was told last, as a digest. */
	"ALTER TABLE nodes ADD COLUMN uid TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE nodes ADD COLUMN provider TEXT NOT NULL DEFAULT '';"
	"UPDATE nodes SET uid = lower(hex(randomblob(16)));"
	"CREATE UNIQUE INDEX node_uid ON nodes (uid);"
	"ALTER TABLE cluster ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE cluster ADD COLUMN described TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE invites ("
	" name TEXT PRIMARY KEY,"
	" hash BLOB NOT NULL CHECK (length(hash) = 32),"
	" expires INTEGER NOT NULL,"
	" used_by TEXT NOT NULL DEFAULT '') STRICT;"
#define REVISE(what, table)                                                                        \
	"CREATE TRIGGER " table "_" what " AFTER " what " ON " table                               \
	" BEGIN UPDATE cluster SET revision = revision + 1; END;"
	REVISE("INSERT", "nodes") REVISE("UPDATE", "nodes") REVISE("DELETE", "nodes")
		REVISE("INSERT", "certs") REVISE("UPDATE", "certs") REVISE("DELETE", "certs"),

	/* Accounts that can be locked, and may demand a client certificate; version is another one
	 * after every change. The audit log, which only grows: audit.h. */
	"ALTER TABLE users ADD COLUMN locked INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1));"
	"ALTER TABLE users ADD COLUMN cert BLOB NOT NULL DEFAULT x''"
	" CHECK (length(cert) IN (0, 32));"
	"ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE audit ("
	" number INTEGER PRIMARY KEY,"
	" time INTEGER NOT NULL,"
	" accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),"
	" user TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" action TEXT NOT NULL,"
	" token TEXT NOT NULL,"
	" detail TEXT NOT NULL,"
	" hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT;"
	"CREATE TRIGGER audit_insert BEFORE INSERT ON audit"
	" WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows at its end'); END;"
	"CREATE TRIGGER audit_update BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;"
	"CREATE TRIGGER audit_delete BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;",

	/* A backup was restored, and no list accepted since. */
	"ALTER TABLE cluster ADD COLUMN restored INTEGER NOT NULL DEFAULT 0"
	" CHECK (restored IN (0, 1));",

	/* Phones. Every row that a configuration file is made from has a version, all from the one
	 * counter in phone_revision. Names are unique in any case. Sealed columns: seal.h. */
	"CREATE TABLE phone_revision ("
	" id INTEGER PRIMARY KEY CHECK (id = 1),"
	" revision INTEGER NOT NULL) STRICT;"
	"INSERT INTO phone_revision VALUES (1, 1);"

	"CREATE TABLE profiles ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	" description TEXT NOT NULL,"
	" predefined INTEGER NOT NULL CHECK (predefined IN (0, 1)),"
	" protocol INTEGER NOT NULL CHECK (protocol IN (1, 2)),"
	" model TEXT NOT NULL,"
	" mode INTEGER NOT NULL CHECK (mode BETWEEN 1 AND 3),"
	" encrypted_config INTEGER NOT NULL CHECK (encrypted_config IN (0, 1)),"
	" auth_mode INTEGER NOT NULL CHECK (auth_mode BETWEEN 1 AND 4),"
	" key_size INTEGER NOT NULL CHECK (key_size IN (512, 1024, 2048)),"
	" nonce_seconds INTEGER NOT NULL,"
	" transport INTEGER NOT NULL CHECK (transport BETWEEN 1 AND 4),"
	" digest INTEGER NOT NULL CHECK (digest IN (0, 1)),"
	" exclude_digest INTEGER NOT NULL CHECK (exclude_digest IN (0, 1)),"
	" sip_port INTEGER NOT NULL CHECK (sip_port BETWEEN 1 AND 65535),"
	" version INTEGER NOT NULL) STRICT;"
	"INSERT INTO profiles VALUES"
	" (1, 'Standard SCCP Non-Secure', 'comes with ctlsuite', 1, 1, '', 1, 0, 1, 1024, 600, 1,"
	"  0, 0, 5060, 1),"
	" (2, 'Standard SIP Non-Secure', 'comes with ctlsuite', 1, 2, '', 1, 0, 1, 1024, 600, 4,"
	"  0, 0, 5060, 1);"

	"CREATE TABLE templates ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	" description TEXT NOT NULL,"
	" version INTEGER NOT NULL) STRICT;"

	"CREATE TABLE digest_users ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" password BLOB NOT NULL," /* sealed */
	" version INTEGER NOT NULL) STRICT;"

	"CREATE TABLE phones ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	" model TEXT NOT NULL,"
	" protocol INTEGER NOT NULL CHECK (protocol IN (1, 2)),"
	" description TEXT NOT NULL,"
	" owner TEXT NOT NULL,"
	" profile INTEGER NOT NULL REFERENCES profiles (id),"
	" template INTEGER REFERENCES templates (id),"
	" digest_user INTEGER REFERENCES digest_users (id),"
	" load TEXT NOT NULL,"
	" capf_operation INTEGER NOT NULL DEFAULT 0 CHECK (capf_operation BETWEEN 0 AND 3),"
	" capf_status INTEGER NOT NULL DEFAULT 0 CHECK (capf_status BETWEEN 0 AND 3),"
	" capf_by INTEGER NOT NULL DEFAULT 0,"
	" capf_detail TEXT NOT NULL DEFAULT '',"
	" auth_string BLOB NOT NULL DEFAULT x''," /* sealed */
	" auth_mark BLOB NOT NULL DEFAULT x'',"   /* by which it is found */
	" key BLOB NOT NULL DEFAULT x'',"         /* typed into the phone; sealed */
	" lsc BLOB NOT NULL DEFAULT x'',"
	" mic BLOB NOT NULL DEFAULT x'',"
	" version INTEGER NOT NULL) STRICT;"
	"CREATE INDEX phone_profile ON phones (profile);"
	"CREATE INDEX phone_template ON phones (template);"
	"CREATE INDEX phone_digest_user ON phones (digest_user);"
	"CREATE INDEX phone_auth_mark ON phones (auth_mark) WHERE auth_mark <> x'';"

	"CREATE TABLE phone_lines ("
	" phone INTEGER NOT NULL REFERENCES phones (id) ON DELETE CASCADE,"
	" position INTEGER NOT NULL,"
	" dn TEXT NOT NULL,"
	" label TEXT NOT NULL,"
	" display TEXT NOT NULL,"
	" PRIMARY KEY (phone, position)) STRICT;"
	"CREATE INDEX line_dn ON phone_lines (dn);"

	/* Of a template, or of a phone itself. */
	"CREATE TABLE parameters ("
	" template INTEGER REFERENCES templates (id) ON DELETE CASCADE,"
	" phone INTEGER REFERENCES phones (id) ON DELETE CASCADE,"
	" name TEXT NOT NULL,"
	" sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)),"
	" value BLOB NOT NULL,"
	" CHECK ((template IS NULL) <> (phone IS NULL))) STRICT;"
	"CREATE UNIQUE INDEX template_parameter ON parameters (template, name)"
	" WHERE template IS NOT NULL;"
	"CREATE UNIQUE INDEX phone_parameter ON parameters (phone, name) WHERE phone IS NOT NULL;"

	/* What phones asked for last. Whether they must load their configuration anew is seen by
	 * comparing stamps, so this is no change of theirs. */
	"CREATE TABLE phone_seen ("
	" phone INTEGER PRIMARY KEY REFERENCES phones (id) ON DELETE CASCADE,"
	" file TEXT NOT NULL,"
	" address TEXT NOT NULL,"
	" outcome TEXT NOT NULL,"
	" time INTEGER NOT NULL,"
	" stamp INTEGER NOT NULL,"
	" generation INTEGER NOT NULL) STRICT;",

	/* CAPF: store_capf.h. A number is handed to an operation each time it is set, also when
	 * that is done by changing the phone. state: enum store_capf_state. */
	"CREATE TABLE capf_users ("
	" id INTEGER PRIMARY KEY,"
	" application INTEGER NOT NULL CHECK (application IN (0, 1)),"
	" user TEXT NOT NULL,"
	" instance TEXT NOT NULL,"
	" description TEXT NOT NULL,"
	" key_size INTEGER NOT NULL CHECK (key_size IN (512, 1024, 2048)),"
	" capf_operation INTEGER NOT NULL DEFAULT 0 CHECK (capf_operation IN (0, 1)),"
	" capf_status INTEGER NOT NULL DEFAULT 0 CHECK (capf_status BETWEEN 0 AND 3),"
	" capf_by INTEGER NOT NULL DEFAULT 0,"
	" capf_detail TEXT NOT NULL DEFAULT '',"
	" auth_string BLOB NOT NULL DEFAULT x''," /* sealed */
	" lsc BLOB NOT NULL DEFAULT x'',"
	" version INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (user, instance)) STRICT;"

	"CREATE TABLE capf_work ("
	" phone INTEGER UNIQUE REFERENCES phones (id) ON DELETE CASCADE,"
	" user INTEGER UNIQUE REFERENCES capf_users (id) ON DELETE CASCADE,"
	" number INTEGER NOT NULL UNIQUE,"
	" key TEXT NOT NULL DEFAULT '',"
	" no_keys INTEGER NOT NULL DEFAULT 0,"
	" wrong INTEGER NOT NULL DEFAULT 0,"
	" not_before INTEGER NOT NULL DEFAULT 0,"
	" last_time INTEGER NOT NULL DEFAULT 0,"
	" last_address TEXT NOT NULL DEFAULT '',"
	" last_text TEXT NOT NULL DEFAULT '',"
	" CHECK ((phone IS NULL) <> (user IS NULL))) STRICT;"

	"CREATE TABLE capf_issued ("
	" serial TEXT PRIMARY KEY,"
	" number INTEGER NOT NULL,"
	" device TEXT NOT NULL,"
	" spki BLOB NOT NULL CHECK (length(spki) = 32),"
	" der BLOB NOT NULL,"
	" not_before INTEGER NOT NULL,"
	" not_after INTEGER NOT NULL,"
	" issued INTEGER NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 5),"
	" revoked INTEGER NOT NULL DEFAULT 0,"
	" reason INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX capf_issued_number ON capf_issued (number);"
	"CREATE INDEX capf_issued_device ON capf_issued (device);"
	"CREATE INDEX capf_issued_bad ON capf_issued (not_after) WHERE state >= 3;"

	"CREATE TABLE capf_trust ("
	" name TEXT PRIMARY KEY,"
	" der BLOB NOT NULL UNIQUE) STRICT;"

	"CREATE TRIGGER capf_numbered AFTER UPDATE OF capf_operation, capf_status ON phones"
	" WHEN NEW.capf_status = 1 AND (OLD.capf_status <> 1 OR"
	"  OLD.capf_operation <> NEW.capf_operation) BEGIN"
	" INSERT INTO capf_work (phone, number) VALUES (NEW.id,"
	"  1 + max(coalesce((SELECT max(number) FROM capf_work), 0),"
	"   coalesce((SELECT max(number) FROM capf_issued), 0)))"
	"  ON CONFLICT (phone) DO UPDATE SET number = excluded.number, no_keys = 0, wrong = 0,"
	"  not_before = 0; END;",

	/* The row is there from the beginning: without it, the revision would count nothing. */
	"INSERT OR IGNORE INTO cluster (id, name) VALUES (1, '');",

	/* TFTP servers outside the cluster belong into the list as the nodes do. */
	"CREATE TABLE tftp_servers ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" ip TEXT NOT NULL,"
	" der BLOB NOT NULL CHECK (length(der) > 0)) STRICT;" REVISE("INSERT", "tftp_servers")
		REVISE("UPDATE", "tftp_servers") REVISE("DELETE", "tftp_servers"),

	/* CAPF, a third-party authority: keys that wait for a certificate of it, by operation. */
	"ALTER TABLE capf_issued ADD COLUMN external INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE capf_requests ("
	" number INTEGER PRIMARY KEY,"
	" spki BLOB NOT NULL,"
	" made INTEGER NOT NULL) STRICT;",
};
#undef REVISE

enum { SCHEMA_VERSION = sizeof(migrations) / sizeof(migrations[0]) };

static int schema_version(struct store *s, int *version, struct err *e)
{
	struct query q;

	query_start(&q, s, "PRAGMA user_version");
	*version = query_row(&q) ? (int)query_int(&q) : 0;
	return query_end(&q, "read the version of the schema", e);
}

static int check_version(struct store *s, int version, struct err *e)
{
	if (version <= SCHEMA_VERSION)
		return 0;
	err_set(e, ERR_FAILED, "store-version",
		"%s was made by a newer ctlsuite: its schema is %d, this program knows %d", s->path,
		version, SCHEMA_VERSION);
	return err_hint(e, "install that ctlsuite again, or restore a backup of the older one");
}

static int migrate(struct store *s, struct err *e)
{
	char pragma[48];
	int version, rc;

	if (store_begin(s, e))
		return (int)e->kind;
	/* Somebody else may have been quicker. */
	rc = schema_version(s, &version, e);
	if (!rc)
		rc = check_version(s, version, e);
	for (int i = version; !rc && i < SCHEMA_VERSION; i++)
		rc = store_exec(s, migrations[i], "bring the schema up to date", e);
	if (!rc) {
		snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", SCHEMA_VERSION);
		rc = store_exec(s, pragma, "set the version of the schema", e);
	}
	return store_end(s, rc, e);
}

int store_schema_check(struct store *s, enum store_access access, struct err *e)
{
	int version;

	if (schema_version(s, &version, e) || check_version(s, version, e))
		return (int)e->kind;
	if (version == SCHEMA_VERSION)
		return 0;
	if (access == STORE_READ) {
		err_set(e, ERR_FAILED, "store-version",
			"%s was made by an older ctlsuite: its schema is %d, not %d", s->path,
			version, SCHEMA_VERSION);
		return err_hint(e, "start ctlproviderd once; it brings the store up to date");
	}
	return migrate(s, e);
}
