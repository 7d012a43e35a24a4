export const GET = () => Response.json({ made: "by the build" });
