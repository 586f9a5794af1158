export { findPostgres } from './binaries.ts'
export { ensureCluster, postgresLaunch } from './cluster.ts'
export { postgresHome, wipeOutside } from './home.ts'
export { createDatabase, databaseUrl, ensureRoles, type DatabaseRole, urlFor } from './roles.ts'
