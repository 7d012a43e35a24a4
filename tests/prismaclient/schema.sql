CREATE TYPE "mood" AS ENUM ('calm', 'busy', 'a_sleep');
CREATE TABLE "posts" (
    "id" SERIAL NOT NULL, "mood" "mood" NOT NULL DEFAULT 'calm', "e_mail" TEXT NOT NULL, "title" VARCHAR(20),
    "secret" TEXT, "code" TEXT NOT NULL DEFAULT upper('x'), "at" INTEGER, "place" INTEGER,
    CONSTRAINT "posts_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "Tag" ("id" INTEGER NOT NULL, CONSTRAINT "Tag_pkey" PRIMARY KEY ("id"));
CREATE TABLE "User" ("id" INTEGER NOT NULL, CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
CREATE TABLE "_PostToTag" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL, CONSTRAINT "_PostToTag_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE TABLE "_Read by" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL, CONSTRAINT "_Read by_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE TABLE "_Follows" ("A" INTEGER NOT NULL, "B" INTEGER NOT NULL, CONSTRAINT "_Follows_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE UNIQUE INDEX "posts_e_mail_key" ON "posts"("e_mail");
CREATE UNIQUE INDEX "posts_at_place_key" ON "posts"("at", "place" DESC);
ALTER TABLE "_PostToTag" ADD CONSTRAINT "_PostToTag_A_fkey" FOREIGN KEY ("A") REFERENCES "posts"("id") ON DELETE CASCADE;
ALTER TABLE "_PostToTag" ADD CONSTRAINT "_PostToTag_B_fkey" FOREIGN KEY ("B") REFERENCES "Tag"("id") ON DELETE CASCADE;
CREATE VIEW "loud" AS SELECT "id", "mood" FROM "posts" WHERE "at" > 3;
INSERT INTO "posts" ("id", "e_mail", "at", "place") VALUES (100, 'a@b', 9, 9);
INSERT INTO "Tag" VALUES (1), (2);
INSERT INTO "User" VALUES (1), (2);
INSERT INTO "_PostToTag" VALUES (100, 1);
INSERT INTO "_Read by" VALUES (100, 1);
INSERT INTO "_Follows" VALUES (1, 2);
